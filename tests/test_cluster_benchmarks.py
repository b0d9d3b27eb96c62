"""The parts of benchmarks/cluster_scoring.py and kill_scoring.py that need no cluster."""

from __future__ import annotations

import csv
import importlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
MODULES = ["cluster_scoring", "kill_scoring", "loopback"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", name="bench")
def _bench():
    """The benchmarks by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


def test_ways_to_score_are_timed_and_compared(bench, make_tickets, tmp_path):
    with (tmp_path / "train.csv").open("w", newline="") as stream:
        rows = zip(*make_tickets(60), strict=True)
        csv.writer(stream).writerows([("text", "label"), *rows])
    bench.cluster_scoring.make_model_and_rows(tmp_path, str(tmp_path / "train.csv"), 50)
    few, parts = ["--shard-rows", "20", "--engine", "local", "--workers", "1"], {}
    for way, words in (("one thread", ["--threads", "1"]), ("local", few)):
        seconds, parts[way] = bench.cluster_scoring.timed(tmp_path, "rows", way, words)
        assert seconds > 0
    assert parts["one thread"] == {}
    assert {"imports", "joining", "leaving", "shards"} < set(parts["local"])
    bench.cluster_scoring.check_same(tmp_path, ["one thread", "local"])
    path = tmp_path / "rows local.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(SystemExit, match="local gives other answers"):
        bench.cluster_scoring.check_same(tmp_path, ["one thread", "local"])


def test_shares_are_of_what_could_be_reached(bench):
    walls = {"two threads": [9.0, 8.0, 30.0], "one thread": [12.0], "local": [8.0], "ray": [7.5]}
    parts = [{"shards": 2.0, "joining": 1.0}, {"shards": 4.0, "joining": 2.0}]
    found = bench.cluster_scoring.summary(walls, {"ray": parts})
    assert found["seconds"]["two threads"] == 9.0
    assert found["parts"] == {"ray": {"shards": 3.0, "joining": 1.5}}
    assert found["of_ideal"] == {
        "ray, of one process, 2 threads": 1.2,
        "local, of one process, 2 threads": 1.125,
        "ray, of half of one thread": 0.8,
        "local, of half of one thread": 0.75,
    }


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_whoever_is_chosen_is_killed(bench, monkeypatch, tmp_path):
    def sleeping(name):
        command = ["bash", "-c", f"exec -a {name} sleep 60"]
        return subprocess.Popen(command, start_new_session=True)

    def chosen(whom):
        monkeypatch.setattr(bench.kill_scoring, "SHARES", {whom: 1})
        bench.kill_scoring.kill_one(driver, cluster, random.Random(0), tally)

    driver, cluster = sleeping("driver"), SimpleNamespace(nodes=[], fill=lambda n_nodes: None)
    for name in ("ray::IDLE", "ray::DashboardAgent"):
        cluster.nodes = [bench.loopback.Node(sleeping(name), tmp_path / "log")]
        tally = bench.kill_scoring.Tally()
        wait_for_name(cluster.nodes[0].process.pid, name)
        chosen("worker")
        assert tally.n_counted == (name == "ray::IDLE")
        chosen("node")
        assert tally.kills["node"] == 1
        assert cluster.nodes[0].process.wait() == -signal.SIGKILL
    chosen("driver")
    assert driver.wait() == -signal.SIGKILL
    assert tally.n_counted == 1


def wait_for_name(pid, name):
    # The shell that becomes it has the name among its words.
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(name.encode()):
        os.sched_yield()
