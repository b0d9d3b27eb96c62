"""benchmarks/tuned.py, records.py and the parts of kill_search.py, on made-up data."""

from __future__ import annotations

import csv
import importlib
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
MODULES = ["tuned", "records", "kill_search", "search_cost"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_searches")]


@pytest.fixture(scope="module", name="bench")
def _bench():
    """The benchmarks by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory, make_tickets):
    folder = tmp_path_factory.mktemp("data")
    for part, seed in (("train", 1), ("test", 2)):
        texts, labels = make_tickets(60, seed)
        with (folder / f"bank.{part}.csv").open("w", newline="", encoding="utf-8") as stream:
            rows = zip(texts, labels, strict=True)
            csv.writer(stream).writerows([("text", "label"), *rows])
    return folder


def test_the_chosen_candidate_is_judged_on_the_test_file(bench, data, tmp_path, capsys):
    out = tmp_path / "tuned.json"
    words = f"--data {data} --set bank --units 2,4 --layers 1 --epochs 1 --workers 2 --out {out}"
    assert bench.tuned.main([*words.split(), "--work", str(tmp_path / "run")]) == 0
    found = json.loads(out.read_bytes())
    assert [row["params"]["units"] for row in found["rows"]] == [2, 4]
    assert all(len(row["folds"]) == 5 for row in found["rows"])
    assert set(found["test"]) == {"lstm", "ngrams", "blend"}
    assert f"on the test file: {found['test']['blend']:.2%}" in capsys.readouterr().out


def test_parts_of_the_records_are_judged(bench, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench.records, "UNITS", [2, 4])
    monkeypatch.setattr(bench.records, "MANY", 50)
    monkeypatch.setattr(bench.records, "METHODS", ["lstm", "lstm-frozen", "ngrams"])
    out = tmp_path / "records.json"
    words = f"--data {data} --set bank --sizes 30,1000 --epochs 1 --workers 2 --out {out}"
    assert bench.records.main([*words.split(), "--work", str(tmp_path / "runs")]) == 0
    few, many = json.loads(out.read_bytes())["sizes"]
    assert (few["n_records"], many["n_records"]) == (30, 60)
    assert (few["n_folds"], many["n_folds"]) == (3, 2)
    assert [row["method"] for row in few["methods"]] == ["lstm", "lstm-frozen", "ngrams"]
    assert [row["method"] for row in many["methods"]] == ["lstm", "ngrams"]
    assert few["chosen"] in (2, 4)
    assert "30 records" in capsys.readouterr().out


def test_a_part_holds_each_class_in_proportion(bench):
    texts, labels = [f"text {n}" for n in range(90)], ["a"] * 60 + ["b"] * 30
    part, chosen = bench.records.part_of(texts, labels, 30)
    assert (len(part), chosen.count("a"), chosen.count("b")) == (30, 20, 10)
    assert bench.records.part_of(texts, labels, 30) == (part, chosen)
    assert bench.records.part_of(texts, labels, 200) == (texts, labels)


def test_a_search_is_killed_and_ends_as_one_that_was_not(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(bench.kill_search, "N_LABELS", 2)
    less = ["--workers=1", "--units=4"]
    monkeypatch.setattr(bench.kill_search, "OPTIONS", [*bench.kill_search.OPTIONS, *less])
    data = bench.kill_search.write_tickets(tmp_path / "tickets.csv")
    whole, out = tmp_path / "whole", tmp_path / "killed"
    bench.kill_search.finish(bench.kill_search.begin(data, whole))
    assert bench.kill_search.kill_one(data, out, random.Random(0), 0.5)
    bench.kill_search.finish(bench.kill_search.begin(data, out))
    assert bench.kill_search.contents(out) == bench.kill_search.contents(whole)


def test_an_empty_unit_costs_little_memory(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(bench.search_cost, "N_EMPTY", 10)
    found = bench.search_cost.empty_units(tmp_path / "run")
    assert 0 < found["seconds_per_unit"] < 5
    assert found["driver_growth_mb"] < 50
