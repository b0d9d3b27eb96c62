"""A model of three topics, and servers of it that listen on a free port of this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time

import httpx
import pytest

from gatewise.classify.classifier import TextClassifier
from gatewise.serve.models import load_served
from gatewise.serve.server import make_server
from gatewise.serve.settings import Limits, ServerSettings
from gatewise.store.archive import save

FIT = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "batch_size": 16,
    "word2vec_passes": 2,
    "device": "cpu",
}


@pytest.fixture(scope="session")
def loader():
    return load_served


@pytest.fixture(scope="session")
def models(tmp_path_factory, make_tickets):
    """Two folders of models, of equal labels and other weights. Do not change them."""
    folder = tmp_path_factory.mktemp("models")
    for name, seed in (("first", 0), ("second", 1)):
        texts, labels = make_tickets(160, seed)
        classifier = TextClassifier(**FIT, random_state=seed)
        save(classifier.fit(texts, labels), folder / name)
    return folder


@pytest.fixture(scope="session")
def tickets(models):
    return models / "first"


@contextlib.contextmanager
def running(server):
    """Let a server listen in a thread; yields a client of it."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server has not started"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serve(loader, tickets):
    """Start a server: settings, limits, models by name; gives a client."""

    @contextlib.contextmanager
    def start(folders=None, limits=None, loader=loader, more=(), **settings):
        chosen = ServerSettings(port=0, drain_seconds=0, limits=Limits(**limits or {}))
        chosen = dataclasses.replace(chosen, **settings)
        server = make_server(folders or {"tickets": tickets}, loader, chosen, more)
        with running(server) as client:
            yield client

    return start


@pytest.fixture(scope="session")
def client(serve):
    """A client of a server that all tests share."""
    with serve() as one:
        yield one


@pytest.fixture
def refused():
    """Check that an answer is one sentence; returns it."""

    def check(answer, status):
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        found = answer.json()
        assert found.keys() == {"error"}
        assert "Traceback" not in found["error"]
        assert "\n" not in found["error"]
        return found["error"]

    return check
