"""Scoring by shards while workers, nodes and drivers are killed: not a byte changes."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset

from gatewise import TextClassifier, load_predictor, save
from gatewise.base.errors import ConfigError
from gatewise.selection import scoring_run
from gatewise.selection.ledger import FOLDER
from gatewise.selection.scoring_run import ScoringRequest, score
from gatewise.selection.workers import Engine
from gatewise.text.tables import open_table

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("kind", ["ray", "dask"])
PAGE = Path(__file__).parents[2] / "docs" / "score-on-a-cluster.md"
PACKAGES = {"ray": "ray", "dask": "distributed"}
N_ROWS, SHARD_ROWS, N_SHARDS = 230, 20, 12
SETTINGS = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "projection": 6, "epochs": 2}
SETTINGS |= {"batch_size": 16, "word2vec_passes": 2, "device": "cpu", "random_state": 0}
PATIENCE = 180.0  # seconds


@pytest.fixture(scope="module")
def model(tmp_path_factory, make_tickets):
    folder = tmp_path_factory.mktemp("model") / "model"
    save(TextClassifier(**SETTINGS).fit(*make_tickets(120)), folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_tickets):
    texts = list(make_tickets(N_ROWS, seed=5)[0])
    texts[3] = texts[100] = None
    path = tmp_path_factory.mktemp("data") / "texts.parquet"
    pq.write_table(pa.table({"id": range(N_ROWS), "text": texts}), path, row_group_size=70)
    return path


@pytest.fixture(scope="module")
def undisturbed(model, data, tmp_path_factory):
    """The answers that nobody disturbed, and what was told of them."""
    out = tmp_path_factory.mktemp("undisturbed") / "answers.parquet"
    told = score(ScoringRequest(model, open_table(data), out, shard_rows=SHARD_ROWS))
    assert told[1].startswith("228 of 230 rows answered")
    assert told[-1] == "unusable 2: no text, lines 4, 101"
    return out.read_bytes(), told


@pytest.fixture
def slow(squares, monkeypatch):
    """Shards that take a while, and say who is at work on them."""
    module = importlib.import_module("slow_shards")
    monkeypatch.setattr(scoring_run, "score_shard", module.slowly)
    return module


@pytest.fixture
def cluster(kind, clusters):
    pytest.importorskip(PACKAGES[kind])
    return clusters(kind)


def request_of(model, data, folder, engine):
    out = folder / "answers.parquet"
    return ScoringRequest(
        model, open_table(data), out, shard_rows=SHARD_ROWS, run=folder / "run", engine=engine
    )


def wait_for(found):
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return value


def scored_beside(kill, request):
    """Score while something is killed."""
    killer = threading.Thread(target=kill)
    killer.start()
    told = score(request)
    killer.join()
    return request.out.read_bytes(), told


@both
def test_a_node_dies(cluster, slow, model, data, undisturbed, tmp_path):
    request = request_of(model, data, tmp_path, Engine(cluster.kind, address=cluster.address))
    # Or the first process had done everything before the others have begun.
    (tmp_path / slow.WANTED).write_text("3")

    def busy_node():
        begun = slow.begun(tmp_path / "run")
        nodes = [node for node in cluster.nodes if begun and begun[-1][1] in node.pids()]
        return nodes[0] if nodes and len(begun) > 3 else None

    assert scored_beside(lambda: wait_for(busy_node).kill(), request) == undisturbed
    times = Counter(number for number, _ in slow.begun(tmp_path / "run"))
    assert sorted(times.values()) == [1] * (N_SHARDS - 1) + [2]


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_a_worker_dies(kind, request, slow, model, data, undisturbed, tmp_path):
    engine = Engine(workers=2)
    if kind == "ray":
        pytest.importorskip("ray")
        engine = Engine("ray", address=request.getfixturevalue("clusters")("ray").address)

    def kill():
        begun = wait_for(lambda: slow.begun(tmp_path / "run")[3:])
        os.kill(begun[-1][1], signal.SIGKILL)

    assert scored_beside(kill, request_of(model, data, tmp_path, engine)) == undisturbed
    times = Counter(number for number, _ in slow.begun(tmp_path / "run"))
    assert sorted(times) == list(range(N_SHARDS))
    assert 2 in times.values()


@pytest.mark.parametrize("kind", ["local", "ray", "dask"])
def test_the_driver_dies(kind, request, slow, model, data, undisturbed, tmp_path):
    out, run = tmp_path / "answers.parquet", tmp_path / "run"
    command = [sys.executable, slow.__file__, "predict", model, data, "--out", out, "--run", run]
    command += ["--shard-rows", SHARD_ROWS, "--engine", kind]
    if kind == "local":
        command += ["--workers", 2]
    else:
        pytest.importorskip(PACKAGES[kind])
        command += ["--address", request.getfixturevalue("clusters")(kind).address]
    words = [str(word) for word in command]
    driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(run.glob(f"{FOLDER}/*.json"))) >= 3)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert not out.exists()
    done = len(list(run.glob(f"{FOLDER}/*.json")))
    again = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0, again.stderr
    assert out.read_bytes() == undisturbed[0]
    # Nothing that was done is done again, whatever the dead driver's workers did meanwhile.
    times = Counter(number for number, _ in slow.begun(run))
    assert sum(times.values()) <= 2 * N_SHARDS - done


@both
def test_a_path_that_the_nodes_do_not_see(cluster, model, data, tmp_path, monkeypatch):
    monkeypatch.chdir(model.parent)
    here = Path("/proc/self/cwd") / model.name  # each process has its own
    request = request_of(here, data, tmp_path, Engine(cluster.kind, address=cluster.address))
    told = rf"^the model at {here} is not there on the machine '.+'; every machine that scores has "
    with pytest.raises(ConfigError, match=told):
        score(request)


@both
def test_another_file_on_the_nodes(cluster, model, data, tmp_path, monkeypatch):
    job_of = scoring_run._job
    monkeypatch.setattr(scoring_run, "_job", lambda *given: stale(job_of(*given)))
    request = request_of(model, data, tmp_path, Engine(cluster.kind, address=cluster.address))
    with pytest.raises(ConfigError, match=rf"^the data at {data} is another one on the machine "):
        score(request)


def stale(job):
    object.__setattr__(job, "rows_size", job.rows_size - 1)
    return job


# The programs of the page, run as they stand there


def program(word, address, model, data, answers):
    """Take the page's program with a word in it, with the places of this test."""
    block = rf"```python\n((?:(?!```).)*{word}(?:(?!```).)*)```"
    (text,) = re.findall(block, PAGE.read_text("utf-8"), re.DOTALL)
    places = {r"(tls://)?10\.0\.0\.1:\d+": address, "/shared/model": model}
    places |= {r"/shared/tickets\.parquet": data, "/shared/answers": answers}
    for there, here in places.items():
        text, n_places = re.subn(f'"{there}"', repr(str(here)), text)
        assert n_places == 1, there
    return text


def run_it(text):
    """Run a program as a file would be: Dask and Ray may start processes that read it."""
    script = "\n    ".join(['if __name__ == "__main__":', *text.splitlines()])
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize(("kind", "word"), [("ray", "map_batches"), ("dask", "map_partitions")])
def test_a_recipe_gives_each_row_once(kind, word, cluster, model, data, tmp_path):
    pytest.importorskip("pandas")
    text = program(word, cluster.address, model, data, tmp_path / "answers")
    for first in (True, False):
        done = run_it(text)
        if first or kind == "dask":  # which writes it anew
            assert done.returncode == 0, done.stderr
        else:
            assert "already exists" in done.stderr
    found = dataset.dataset(tmp_path / "answers").to_table().sort_by("id")
    assert found.select(["id", "text"]).to_pylist() == pq.read_table(data).to_pylist()
    texts = [text for text in found.column("text").to_pylist() if text]
    labels = [str(label) for label in load_predictor(model).predict(texts)]
    assert found.column("predicted").drop_null().to_pylist() == labels
