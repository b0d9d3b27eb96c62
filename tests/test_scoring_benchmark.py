"""benchmarks/scoring.py, on tiny models."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewise import TextClassifier

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALL = {"units": 4, "word_dimension": 8, "word2vec_passes": 1}


@pytest.fixture(name="scoring")
def _scoring(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("scoring")
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_all_ways_are_timed_and_kept(scoring, make_tickets, tmp_path, monkeypatch, capsys):
    texts, labels = make_tickets(60)
    corpus = SimpleNamespace(texts=texts, labels=labels)
    monkeypatch.setattr(scoring, "load_tickets", lambda _: corpus)
    monkeypatch.setattr(scoring, "TextClassifier", functools.partial(TextClassifier, **SMALL))
    monkeypatch.setattr(scoring, "RECIPES", ("classic",))
    monkeypatch.setattr(scoring, "KERAS_BATCHES", (32,))
    monkeypatch.setattr(scoring, "N_ALONE", 3)
    out = tmp_path / "scoring.json"
    assert scoring.main(["--texts", "20", "--rounds", "1", "--out", str(out)]) == 0
    runs = {run["method"]: run for run in json.loads(out.read_text())["runs"]}
    assert {name.split(",")[0].split()[0] for name in runs} == {
        "predictor",
        "torch",
        "keras",
        "loading",
    }
    for name, run in runs.items():
        assert run["recipe"] == "classic"
        if name == "loading":
            assert run["seconds"] > 0
            continue
        assert run["records_per_second"] > 0
        assert 0 < run["one_text_ms_p50"] <= run["one_text_ms_p99"]
        assert run["answers_as_predictor"] > 0.9
    assert "records_per_second" in capsys.readouterr().out
