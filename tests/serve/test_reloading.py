"""A model folder that is replaced is served from then on, and no request fails for it."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time

import httpx
import pytest

from gatewise.base.files import atomic_folder
from gatewise.serve import reloading
from gatewise.serve.metrics import Metrics
from gatewise.serve.models import Shelf, read_model
from gatewise.serve.reloading import Reloader
from gatewise.store.predictor_archive import load_predictor

ASK = {"texts": ["my card is stuck", "what is my balance"]}


@pytest.fixture
def folder(models, tmp_path):
    shutil.copytree(models / "first", tmp_path / "tickets")
    return tmp_path / "tickets"


def replace(folder, by):
    with atomic_folder(folder) as temporary:
        shutil.copytree(by, temporary, dirs_exist_ok=True)


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def checksum_of(client):
    return client.get("/v1/model").json()["checksum"]


@pytest.fixture
def look(monkeypatch, loader, folder):
    """A shelf with a model, and a function that looks whether its folder was replaced."""
    metrics = Metrics()
    shelf = Shelf([read_model("tickets", folder, loader)])
    reloader = Reloader(shelf, loader, metrics)

    def look(again=False):
        if again:
            reloader.look_now()
        asyncio.run(reloader.look())
        return shelf.find(None), metrics.page().decode()

    return look


def test_a_folder_that_is_replaced(look, folder, models):
    first, _ = look()
    replace(folder, models / "second")
    second, page = look()
    assert second.checksum != first.checksum
    assert f'checksum="{second.checksum}"' in page
    assert first.checksum not in page
    texts = ASK["texts"]
    wanted = load_predictor(models / "second").predict_proba(texts)
    assert (second.model.predict_proba(texts) == wanted).all()
    assert look()[0] is second


@pytest.mark.parametrize("harm", ["damage", "remove a file", "remove all", "no manifest"])
def test_what_cannot_be_loaded_is_not(look, folder, models, caplog, harm):
    first, _ = look()
    replace(folder, models / "second")
    if harm == "damage":
        path = folder / "weights.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    elif harm == "remove a file":
        (folder / "labels.json").unlink()
    elif harm == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        shutil.rmtree(folder)
    for _ in range(3):  # it is told once, and not each second
        kept, page = look()
        assert kept is first
        assert 'gatewise_model_load_failures_total{model="tickets"} 1.0' in page
    assert caplog.text.count("the old one is kept") == 1
    _, page = look(again=True)
    assert 'gatewise_model_load_failures_total{model="tickets"} 2.0' in page
    replace(folder, models / "second")
    assert look()[0].checksum != first.checksum


@pytest.mark.parametrize("harm", ["a loop", "a file that leads to itself", "another program"])
def test_what_the_system_refuses_does_not_end_the_watch(look, folder, models, harm, monkeypatch):
    first, _ = look()
    if harm == "another program":
        monkeypatch.setattr(reloading, "read_model", refuse)
        (folder / "manifest.json").touch()
    else:
        shutil.rmtree(folder)
        looped = folder if harm == "a loop" else folder / "manifest.json"
        looped.parent.mkdir(exist_ok=True)
        looped.symlink_to(looped)
    for _ in range(2):
        kept, page = look()
        assert kept is first
        assert 'gatewise_model_load_failures_total{model="tickets"} 1.0' in page
    monkeypatch.undo()
    if folder.is_symlink():
        folder.unlink()
    replace(folder, models / "second")
    assert look()[0].checksum != first.checksum


def refuse(*_):
    raise RuntimeError("not foreseen")


def test_a_folder_that_goes_while_it_is_listed(look, folder, models, monkeypatch):
    first, _ = look()
    replace(folder, models / "second")
    with monkeypatch.context() as patched:
        patched.setattr(reloading.Path, "iterdir", gone)
        assert look()[0].checksum != first.checksum


def gone(folder):
    raise FileNotFoundError(folder)


def test_a_folder_that_is_copied_file_by_file(look, folder, models):
    first, _ = look()
    shutil.rmtree(folder)
    folder.mkdir()
    wanted = read_model("tickets", models / "second", load_predictor).checksum
    paths = sorted((models / "second").iterdir(), key=lambda path: path.name != "manifest.json")
    for path in paths:  # what the manifest lists comes after it
        assert look()[0] is first
        shutil.copy2(path, folder)
    second, _ = look()
    assert second.checksum == wanted != first.checksum


def test_a_folder_that_is_replaced_while_it_is_read(folder, models, loader):
    others = iter([models / "second", models / "first"])

    def interrupted(path):
        model = loader(path)
        if other := next(others, None):
            replace(folder, other)
        return model

    found = read_model("tickets", folder, interrupted)
    wanted = read_model("tickets", models / "first", loader)
    assert found.checksum == wanted.checksum
    assert (
        found.model.predict_proba(ASK["texts"]) == wanted.model.predict_proba(ASK["texts"])
    ).all()


@pytest.mark.slow
def test_no_request_fails_while_models_are_replaced(serve, folder, models):
    checksums, failures, is_over = set(), [], threading.Event()

    def ask(base_url):
        with httpx.Client(base_url=base_url, timeout=20) as client:
            while not is_over.is_set():
                answer = client.post("/v1/predict", json=ASK)
                if answer.status_code == 200:
                    checksums.add(answer.json()["checksum"])
                else:
                    failures.append(answer.text)

    with serve({"tickets": folder}) as client:
        threads = [threading.Thread(target=ask, args=[client.base_url]) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for name in ("second", "first", "second"):
                before = checksum_of(client)
                replace(folder, models / name)
                until(lambda before=before: checksum_of(client) != before)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
    assert failures == []
    assert len(checksums) == 2
