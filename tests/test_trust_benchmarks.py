"""benchmarks/abstention.py and audit.py, on made-up data."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise import TextClassifier
from gatewise.classify.model import PartScores, Reading

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALL = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "projection": 0, "epochs": 2}


@pytest.fixture(scope="module", name="bench")
def _bench():
    """The benchmarks by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        names = ("abstention", "audit")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory, make_tickets):
    folder = tmp_path_factory.mktemp("data")
    for part, n_records, seed in (("train", 240, 1), ("test", 60, 2)):
        write(folder / f"bank.{part}.csv", *make_tickets(n_records, seed))
    outside = [f"sing song number {number}" for number in range(20)]
    for part in ("oos_train", "oos_test"):
        write(folder / f"bank.{part}.csv", outside, ["out"] * 20)
    return folder


def write(path, texts, labels):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *zip(texts, labels, strict=True)])


def test_decisions_are_measured_on_the_test_file(bench, data, tmp_path, monkeypatch, capsys):
    made = lambda random_state: TextClassifier(random_state=random_state, **SMALL)  # noqa: E731
    monkeypatch.setattr(bench.abstention, "TextClassifier", made)
    monkeypatch.setattr(bench.abstention, "N_GIBBERISH", 20)
    out = tmp_path / "found.json"
    for more in ("", "--with-examples", "--hold-out 1", "--hold-out 1"):
        words = f"--data {data} --set bank --out {out} {more}"
        assert bench.abstention.main(words.split()) == 0
    runs = json.loads(out.read_bytes())
    assert [(run["held_out_classes"], run["examples"]) for run in runs] == [(0, 0), (0, 20), (1, 0)]
    for run in runs:
        assert set(run["gibberish_abstained"]) == {"letters", "symbols", "languages", "nothing"}
        assert 0 <= run["accuracy_abstentions_as_errors"] <= run["accuracy"] <= 1
        assert run["calibration"]["after"]["brier"] > 0
        assert 0 <= run["out_of_scope"]["in_scope"]["auroc"] <= 1
    assert runs[2]["out_of_scope"]["n"] == 20
    assert '"set": "bank"' in capsys.readouterr().out


def test_the_recall_is_taken_where_the_accuracy_is_reached(bench):
    inside = np.arange(100) / 100
    right = np.arange(100) >= 4
    outside = np.array([0.01, 0.05, 0.08, 0.5])
    # From 0.09 on 91 right ones are kept, which is 0.91; from 0.10 on 0.90.
    assert bench.abstention.recall_at(inside, right, outside) == 0.75
    assert bench.abstention.recall_at(inside, right & (inside > 0.5), outside) is None


def test_texts_from_outside_are_held_against_those_inside(bench):
    def reading(scores, sure):
        blend = np.log(np.array([[one, 1 - one] for one in sure]))
        return Reading(PartScores(blend, None, blend), np.array(scores), np.array(scores) > 0.3)

    inside, outside = reading([0.4, 0.6, 0.9], [0.9, 0.8, 0.7]), reading([0.5, 0.1], [0.75, 0.6])
    found = bench.abstention.against(inside, np.ones(3, bool), outside)
    assert found["in_scope"]["auroc"] == pytest.approx(5 / 6)
    assert found["probability_alone"]["auroc"] == pytest.approx(5 / 6)
    assert found["recall"] == 0.5


@pytest.mark.usefixtures("quick_searches")
def test_planted_labels_are_looked_for(bench, data, tmp_path, capsys):
    pytest.importorskip("cleanlab")
    out = tmp_path / "audit.json"
    words = f"--data {data} --set bank --share 0.1 --epochs 1 --workers 2 --out {out}"
    assert bench.audit.main([*words.split(), "--work", str(tmp_path / "run")]) == 0
    (run,) = json.loads(out.read_bytes())
    assert run["n_planted"] == 24
    assert 0 <= run["share_in_first_tenth"] <= 1
    assert run["among_first"]["30"] <= run["among_first"]["90"] <= 24
    assert run["flagged_planted"] <= run["n_flagged"]
    assert '"set": "bank"' in capsys.readouterr().out


def test_hits_are_counted(bench):
    found = bench.audit.hits([5, 3, 9, 1, *range(20, 120)], {3, 1, 7, 119}, 40)
    assert found["share_in_first_tenth"] == 0.5
    assert found["among_first"] == {"30": 2, "60": 2, "90": 2}


def test_planted_tickets_are_those_of_the_list(bench):
    options = SimpleNamespace(name="tickets")
    texts, labels, planted, unlabelled = bench.audit.records(options)
    assert len(texts) == len(labels) == 4356
    assert len(planted) == 30
    assert len(unlabelled) > 2000
