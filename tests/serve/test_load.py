"""benchmarks/serve_load.py against a small model: what it sends, counts and writes."""

from __future__ import annotations

import asyncio
import csv
import importlib
import itertools
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", name="bench")
def _bench():
    """The benchmark as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("serve_load")
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


def requests(bench):
    return itertools.cycle([bench.request_of(["my card"]), bench.request_of(["my balance"])])


def test_clients_that_wait_for_their_answer(bench, client):
    found = asyncio.run(bench.closed_loop(client.base_url.port, requests(bench), 3, 0.3))
    told = found.told()
    assert set(told["statuses"]) == {"200"}
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert len(found.milliseconds) == told["statuses"]["200"]


def test_requests_at_a_steady_rate(bench, client):
    found = asyncio.run(bench.open_loop(client.base_url.port, requests(bench), 100, 0.5))
    assert found.statuses == {"200": 50}


def test_a_server_that_is_not_there(bench, client):
    found = asyncio.run(bench.closed_loop(1, requests(bench), 1, 0.05))
    assert set(found.told()["statuses"]) == {"broken"}


@pytest.mark.slow
def test_all_of_it(bench, tickets, tmp_path, monkeypatch):
    with (tmp_path / "texts.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *[[f"my card {row}"] for row in range(200)]])
    monkeypatch.setattr(bench, "_WAYS", {"as it comes": ("--max-in-flight", "4")})
    options = ["--seconds", "0.3", "--model", tickets, "--data", tmp_path / "texts.csv"]
    options += ["--out", tmp_path / "serve.json"]
    monkeypatch.setattr(sys, "argv", ["serve_load.py", *map(str, options)])
    bench.main()
    found = json.loads((tmp_path / "serve.json").read_text("utf-8"))
    assert found["data"] == "texts.csv"
    measured = found["servers"]["as it comes"]
    assert measured["64 texts a request, 4 clients"]["texts_per_second"] > 0
    assert set(measured["5 times that rate"]["statuses"]) <= {"200", "429"}
    assert set(measured["one client, after that"]["statuses"]) == {"200"}


@pytest.mark.slow
def test_minutes_under_load(bench, tickets, tmp_path, capsys):
    soak = importlib.import_module("serve_soak")
    with (tmp_path / "texts.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *[[f"my card {row}"] for row in range(200)]])
    words = "--minutes 0.02 --overload-minutes 0.01 --share 0.2 --capacity-seconds 1"
    options = ["--model", str(tickets), "--data", str(tmp_path / "texts.csv")]
    assert soak.main([*words.split(), *options, "--out", str(tmp_path / "soak.json")]) == 0
    found = json.loads((tmp_path / "soak.json").read_text("utf-8"))
    assert 0 < found["capacity_per_second"] <= found["clients_per_second"]
    assert found["tried"][-1]["statuses"].keys() == {"200"}
    assert found["memory_mb"]["after"] > 50
    assert set(found["overload"]["statuses"]) <= {"200", "429", "503"}
    assert found["recovery_seconds"] is not None
    assert '"steady"' in capsys.readouterr().out
