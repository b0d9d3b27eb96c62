from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet
import pytest

from gatewise.selection.choice import CandidateResult, FoldScore
from gatewise.selection.results import OutOfFold, write_out_of_fold, write_results


def test_one_row_per_candidate(tmp_path):
    folds = [FoldScore(0, 0.9, 0.8, 2.0, {"lstm": {"accuracy": 0.7}}), FoldScore(1, 0.8, 0.7, 3.0)]
    results = [
        CandidateResult("units 8", {"units": 8}, "accuracy", folds, 99),
        CandidateResult("units 16", {"units": 16}, state="failed: it died"),
    ]
    write_results(tmp_path, results, 0, {"question": "tune"})
    first, second = json.loads((tmp_path / "results.json").read_bytes())
    assert first["params"] == {"units": 8}
    assert first["mean"] == pytest.approx(0.85)
    assert first["standard_error"] == pytest.approx(0.05)
    assert first["parameters"] == 99
    assert first["chosen"] is True
    assert first["folds"][0] == {
        "fold": 0,
        "accuracy": 0.9,
        "macro_f1": 0.8,
        "seconds": 2.0,
        "parts": {"lstm": {"accuracy": 0.7}},
    }
    assert (second["mean"], second["standard_error"], second["chosen"]) == (None, None, False)
    assert second["state"] == "failed: it died"
    assert json.loads((tmp_path / "summary.json").read_bytes()) == {"question": "tune"}


def test_every_probability_can_be_looked_up(tmp_path):
    generator = np.random.default_rng(0)
    labels, classes, lines = ["a", "b", "ü", "a"], ["a", "b", "ü"], [2, 3, 5, 8]
    chunks = [
        OutOfFold(place, fold, rows, generator.dirichlet(np.ones(3), len(rows)))
        for place in (0, 1)
        for fold, rows in enumerate((np.array([0, 3]), np.array([1, 2])))
    ]
    path = tmp_path / "oof.parquet"
    write_out_of_fold(path, iter(chunks), labels, classes, lines)
    table = pyarrow.parquet.read_table(path)
    assert json.loads(table.schema.metadata[b"classes"]) == classes
    found = table.to_pylist()
    assert len(found) == 8
    assert [row["record"] for row in found] == [0, 3, 1, 2] * 2
    assert [row["candidate"] for row in found] == [0] * 4 + [1] * 4
    for row in found:
        assert row["line"] == lines[row["record"]]
        assert row["label"] == labels[row["record"]]
        assert row["predicted"] == classes[int(np.argmax(row["probabilities"]))]
    expected = np.concatenate([one.probabilities for one in chunks])
    np.testing.assert_allclose([row["probabilities"] for row in found], expected, rtol=1e-6)
    content = path.read_bytes()
    write_out_of_fold(path, iter(chunks), labels, classes, lines)
    assert path.read_bytes() == content
