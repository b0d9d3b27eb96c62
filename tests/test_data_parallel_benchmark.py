"""benchmarks/data_parallel.py on made-up data, in the ways that need no cluster."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(name="bench")
def _bench(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("data_parallel")
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_what_is_measured(bench, tmp_path, make_tickets, monkeypatch, capsys):
    monkeypatch.setattr(bench, "BATCHES", (100,))
    monkeypatch.setattr(bench, "STEPS", (50, 100))
    data, out = tmp_path / "bank.train.csv", tmp_path / "found.json"
    with data.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *zip(*make_tickets(300), strict=True)])
    ways = [bench.ONE_THREAD, bench.NUDGED, bench.IN_SHARES]
    words = ["--data", str(data), "--out", str(out), "--epochs", "2", "--rounds", "1"]
    bench.main([*words, "--ways", *ways])
    found = json.loads(out.read_text("utf-8"))
    assert json.loads(capsys.readouterr().out)["curves"] == found["curves"]
    assert (found["records"], found["data"]) == (300, "bank.train")
    assert [(row["pooling"], row["way"]) for row in found["curves"]] == [
        (pooling, way) for pooling in ("max-mean", "mean") for way in ways
    ]
    one, *others = (row["losses"] for row in found["curves"][:3])
    for other in others:
        assert one != other
        assert one == pytest.approx(other, abs=1e-3)
    assert [row["way"] for row in found["speed"]] == [bench.ONE_THREAD, bench.IN_SHARES]
    assert min(row["records_per_second"] for row in found["speed"]) > 0
    small, large = found["steps"]
    assert small["summed_bytes"] < large["summed_bytes"]
    assert min(small["copied_bytes"], small["seconds"]) > 0
