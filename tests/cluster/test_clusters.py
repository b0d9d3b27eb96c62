"""Ray and Dask, each with nodes that are really started, and killed."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.selection import clusters as source
from gatewise.selection import engines
from gatewise.selection.engines import run_units
from gatewise.selection.fits import FitData, FitFacts, do_fit
from gatewise.selection.folds import make_folds
from gatewise.selection.ledger import Ledger, Unit, open_ledger
from gatewise.selection.workers import Engine, open_workers
from gatewise.vectors.word_vectors import WordVectors

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("kind", ["ray", "dask"])
only_ray = pytest.mark.parametrize("kind", ["ray"])
only_dask = pytest.mark.parametrize("kind", ["dask"])

PACKAGES = {"ray": "ray", "dask": "distributed"}
UNITS = [Unit({"number": number}, f"number {number}") for number in range(12)]
PATIENCE = 60.0  # seconds


@pytest.fixture
def cluster(kind, clusters):
    pytest.importorskip(PACKAGES[kind])
    return clusters(kind)


@pytest.fixture
def data(squares, tmp_path):
    return squares.Data(tmp_path)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(source, "_ANSWERS_WITHIN", 3.0)


def run(engine, data, units, work, folder):
    """Do units; return the failures, and the files with the results."""
    with open_ledger(folder, {}) as ledger, open_workers(engine, data) as workers:
        failures = run_units(units, work, ledger, workers=workers)
    return failures, {path.name: path.read_bytes() for path in folder.glob("ledger/*")}


def engine_of(cluster, **settings):
    return Engine(cluster.kind, address=cluster.address, **settings)


@both
def test_results_are_those_of_this_machine(cluster, squares, data, tmp_path):
    work = squares.Work(tmp_path)
    here = run(Engine(workers=2), data, UNITS, work, tmp_path / "here")
    (tmp_path / "received").unlink()
    there = run(engine_of(cluster), data, UNITS, work, tmp_path / "there")
    assert here == there
    assert here[0] == {}
    assert len(here[1]) == len(UNITS)


@both
def test_a_fit_is_that_of_this_machine(cluster, tmp_path, small, make_tickets):
    texts, labels = make_tickets(60)
    words = tuple({word: None for text in texts for word in text.split()})
    matrix = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    data = FitData(texts, labels, make_folds(labels, 2, seed=0), vectors=WordVectors(words, matrix))
    settings = {name: value for name, value in small.items() if name != "word_dimension"}
    unit = FitFacts(settings, fold=0, seed=3).unit("some", "small")

    def result(name, engine):
        with open_ledger(tmp_path / name, {}) as ledger, open_workers(engine, data) as workers:
            assert run_units([unit], do_fit, ledger, workers=workers) == {}
            found = ledger.find(unit)
        return {name: value for name, value in found.items() if "seconds" not in name}

    assert result("here", Engine()) == result("there", engine_of(cluster))


@both
def test_results_come_back_from_where_the_folder_is_not(
    cluster, squares, data, tmp_path, monkeypatch
):
    work, kept = squares.Work(tmp_path), []
    here = run(Engine(), data, UNITS, work, tmp_path / "here")
    # The nodes find another content in the run's folder.
    monkeypatch.setattr(engines, "_stamp", lambda folder: "another")
    keep = Ledger.keep
    monkeypatch.setattr(Ledger, "keep", lambda *given: (kept.append(given), keep(*given)))
    there = run(engine_of(cluster), data, UNITS, work, tmp_path / "there")
    assert here == there
    assert len(kept) == len(UNITS)


def test_what_is_in_the_ledger_is_not_computed_again(squares, data, tmp_path):
    """A cluster asks again if a node died after it had written its result."""
    work = squares.Work(tmp_path)
    with open_ledger(tmp_path / "run", {}) as ledger:
        for _ in range(2):
            stamp = engines._stamp(ledger.folder)
            assert engines._do(data, work, ledger.folder, stamp, UNITS[3]) == ("", None)
        assert ledger.find(UNITS[3])["square"] == 9
    assert len(work.begun()) == 1


@both
def test_the_data_go_to_each_process_once(cluster, squares, data, tmp_path):
    work = squares.Work(tmp_path, 0.2)
    for name in ("one", "two"):
        run(engine_of(cluster), data, UNITS[:6], work, tmp_path / name)
        pids = data.receivers()
        assert len(set(pids)) == len(pids) <= 3
        assert {str(pid) for _, pid in work.begun()} <= set(pids)
        (tmp_path / "received").unlink()
        (tmp_path / "begun").unlink()


@both
def test_a_node_that_is_killed_loses_what_it_was_doing_and_no_more(
    cluster, squares, data, tmp_path
):
    work, killed = squares.Work(tmp_path, 0.5), []

    def kill_one():
        node = wait_for(lambda: busy_node(cluster, work))
        killed.append(work.begun())
        node.kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    failures, results = run(engine_of(cluster), data, UNITS, work, tmp_path / "run")
    killer.join()
    assert 3 <= len(killed[0]) < len(UNITS)
    assert failures == {}
    assert len([name for name in results if name.endswith(".json")]) == len(UNITS)
    times = Counter(number for number, _ in work.begun())
    assert sorted(times.values()) == [1] * (len(UNITS) - 1) + [2]


def busy_node(cluster, work):
    """Find a node that has just begun something, after a while."""
    begun = work.begun()
    nodes = [node for node in cluster.nodes if begun and begun[-1][1] in node.pids()]
    return nodes[0] if nodes and len(begun) > 3 else None


def wait_for(found):
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return value


@both
def test_an_error_ends_what_is_being_done(cluster, squares, tmp_path):
    work = squares.Work(tmp_path, 2.0)

    def give_up():
        with open_workers(engine_of(cluster), None) as workers:
            for unit in UNITS:
                workers.submit(work, unit)
            wait_for(work.begun)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert time.monotonic() - started < 10
    time.sleep(2.2)
    assert len(work.begun()) <= 3


@both
def test_other_versions_compute_nothing(cluster, squares, tmp_path, monkeypatch):
    monkeypatch.setattr(
        source, "versions_here", lambda packages: {"gatewise": "0.0.1", "numpy": "9"}
    )
    failures, results = run(
        engine_of(cluster), None, UNITS[:1], squares.Work(tmp_path), tmp_path / "run"
    )
    (reason,) = failures.values()
    assert reason.startswith("ConfigError: this node has gatewise 0.")
    assert "the machine that sends the work 0.0.1; install" in reason
    assert not [name for name in results if name.endswith(".json")]


@both
def test_data_that_the_nodes_cannot_read_do_no_harm(cluster, squares, data, tmp_path):
    work = squares.Work(tmp_path)
    failures, _ = run(engine_of(cluster), squares.Foreign(), UNITS[:1], work, tmp_path / "run")
    (reason,) = failures.values()
    assert "No module named 'nowhere'" in reason
    failures, _ = run(engine_of(cluster), data, UNITS[:1], work, tmp_path / "run")
    assert failures == {}


def test_a_call_looks_at_the_versions_first(monkeypatch):
    for name in source.THREAD_LIMITS:
        monkeypatch.setenv(name, "1")
    versions = source.versions_here(source.PACKAGES)
    assert source._Call(divmod, (4,), 2, versions)(14) == (3, 2)
    assert {os.environ[name] for name in source.THREAD_LIMITS} == {"2"}
    other = source._Call(divmod, (0,), 2, {**versions, "numpy": "9"})
    with pytest.raises(ConfigError, match=r"^this node has numpy \d.+ sends the work 9; install"):
        other(14)


@both
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonsense", "tls://127.0.0.1:9"])
def test_an_address_where_nobody_is(kind, address, impatient, capfd):
    pytest.importorskip(PACKAGES[kind])
    with (
        pytest.raises(ConfigError, match=rf"^no \w+ \w+ can be used at '{address}' \(.+\); \w+"),
        open_workers(Engine(kind, address=address), None),
    ):
        pass
    assert capfd.readouterr() == ("", "")


@only_ray
@pytest.mark.parametrize("token", ["f" * 64, None])
def test_a_wrong_token(cluster, token, impatient, monkeypatch, capfd):
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.setenv("HOME", "/nowhere")
    if token:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    told = f"^the Ray cluster at '{cluster.address}' does not take this machine's token; set "
    with pytest.raises(ConfigError, match=told), open_workers(engine_of(cluster), None):
        pass
    assert capfd.readouterr() == ("", "")


@only_ray
def test_more_threads_than_any_node_has(cluster):
    told = r"^threads is 2; the largest node of the Ray cluster at .+ has 1 [(]ray"
    with pytest.raises(ConfigError, match=told), open_workers(engine_of(cluster, threads=2), None):
        pass


@only_ray
def test_a_connection_of_the_caller_stays(cluster):
    import ray

    ray.init(cluster.address, log_to_driver=False, configure_logging=False)
    with open_workers(engine_of(cluster), 1) as workers:
        assert workers.submit(abs).result() == 1
    assert ray.is_initialized()
    ray.shutdown()


@only_dask
def test_all_workers_of_dask_may_die(cluster):
    with open_workers(engine_of(cluster), -1) as workers:
        assert workers.submit(abs).result() == 1
        for node in cluster.nodes:
            node.kill()
        waiting = workers.submit(abs)
        cluster.fill()
        assert waiting.result(PATIENCE) == 1


@only_dask
def test_a_scheduler_without_workers(cluster, impatient):
    for node in cluster.nodes:
        node.kill()
    told = "^the Dask cluster at 'tcp://.+' has no workers; start one"
    with pytest.raises(ConfigError, match=told), open_workers(engine_of(cluster), None):
        pass


@only_dask
def test_a_scheduler_that_dies(cluster, squares, data, impatient, tmp_path):
    work = squares.Work(tmp_path, 0.2)

    def kill_it():
        wait_for(lambda: len(work.begun()) > 3)
        cluster.head.kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    with pytest.raises(ConfigError, match=r"^the Dask scheduler at 'tcp://.+' is gone; start"):
        run(engine_of(cluster), data, UNITS, work, tmp_path / "run")
    killer.join()
