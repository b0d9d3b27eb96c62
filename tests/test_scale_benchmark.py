"""benchmarks/scale.py on made-up data: its records, its sums, and one size for real."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewise.text.corpus import corpus_from_lists, read_corpus

FOLDER = Path(__file__).parents[1] / "benchmarks"
TINY = "--epochs 1 --final-epochs 0 --units 4 --word-dimension 8 --ngram-dimension 4"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", name="bench")
def _bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        names = "scale", "scale_worker", "companion_records"
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


@pytest.fixture(name="corpus")
def _corpus(make_tickets):
    return corpus_from_lists(*make_tickets(150))


def test_made_records_are_halves_of_records_of_their_class(bench, corpus):
    records = list(bench.scale.made_records(corpus, 400, seed=3))
    assert records == list(bench.scale.made_records(corpus, 400, seed=3))
    assert records != list(bench.scale.made_records(corpus, 400, seed=4))
    words = {label: set() for label in corpus.labels}
    for text, label in zip(corpus.texts, corpus.labels, strict=True):
        words[label] |= set(text.split())
    slips = [word for text, label in records for word in text.split() if word not in words[label]]
    n_words = sum(len(text.split()) for text, _ in records)
    assert 0.005 < len(slips) / n_words < bench.scale.MISSPELT
    sizes = {len(word) for label in words for word in words[label]}
    assert {len(word) for word in slips} <= sizes
    assert {label for _, label in records} == set(corpus.labels)


def test_exponents_are_slopes_from_the_first_large_size(bench):
    def row(records, seconds):
        stages = {"read": {"cpu": seconds}, "save": {"cpu": 2.0}}
        return {"records": records, "train": {"stages": stages}, "predict": {"cpu": 3 * seconds}}

    def row_predicted(records, seconds):
        found = row(records, seconds)
        found["predict"]["stages"] = {}
        return found

    rows = [row_predicted(*one) for one in [(100, 50), (10_000, 1.0), (1_000_000, 1_000.0)]]
    assert bench.scale.exponents(rows) == pytest.approx({"read": 1.5, "save": 0, "predict": 1.5})
    assert bench.scale.exponents(rows[:2]) == {}


def test_a_peak_is_that_of_its_stage(bench, monkeypatch):
    module = SimpleNamespace(owner=SimpleNamespace(work=lambda size: len(b"x" * size)))
    monkeypatch.setitem(sys.modules, "made_up_stage", module)
    stages = bench.scale_worker.Stages()
    stages.wrap("made_up_stage:owner.work", "work")
    for size in (200_000_000, 1):
        module.owner.work(size)
    work = stages.found["work"]
    assert work["wall"] >= 0
    assert work["cpu"] >= 0
    small = bench.scale_worker.Stages()
    small.wrap("made_up_stage:owner.work", "small")
    module.owner.work(1)
    if Path("/proc/self/clear_refs").exists():
        assert small.found["small"]["peak_mb"] < work["peak_mb"] - 100


@pytest.fixture(name="data")
def _data(corpus, tmp_path):
    with (tmp_path / "bank.train.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = zip(corpus.texts, corpus.labels, strict=True)
        csv.writer(stream).writerows([("text", "label"), *rows])
    return tmp_path


def test_the_companion_is_measured_by_records(bench, data, capsys):
    out = data / "companion.json"
    command = ["--data", str(data), "--set", "bank", "--sizes", "30,500", "--out", str(out)]
    assert bench.companion_records.main(command) == 0
    few, all_ = json.loads(out.read_bytes())["rows"]
    assert 60 == few["records"] < all_["records"] == 120
    assert set(few["accuracies"]) == set(all_["accuracies"]) == {"1", "0.5"}
    assert 0.3 < few["accuracies"]["1"] <= all_["accuracies"]["1"] == 1
    assert "120 records: {'1': 1.0, '0.5': 1.0}" in capsys.readouterr().out


def test_one_size_is_measured_and_kept(bench, data, tmp_path, capfd):
    out = tmp_path / "scale.json"
    command = ["--data", str(tmp_path), "--set", "bank", "--out", str(out), "--settings", TINY]
    assert bench.scale.main([*command, "--sizes", "200"]) == 0
    found = json.loads(out.read_bytes())
    (row,) = found["rows"]
    assert row["records"] == 200
    stages = row["train"]["stages"]
    assert set(stages) == set(bench.scale_worker.STAGES)
    peaks = [one["peak_mb"] for one in stages.values()]
    assert row["train"]["peak_mb"] >= max(peaks) > row["predict"]["peak_mb"] > 0
    assert row["cache_mb"] > row["data_mb"] > 0
    told = capfd.readouterr().out
    assert "200 records" in told
    assert "  word2vec" in told
    # A size that was measured before stays; other settings begin anew.
    common = {name: found[name] for name in ("set", "settings", "seed")}
    assert bench.scale._kept(out, common) == {200: row}
    assert bench.scale._kept(out, common | {"seed": 1}) == {}


def test_a_command_that_fails_stops_the_benchmark(bench, tmp_path):
    with pytest.raises(bench.scale.subprocess.CalledProcessError):
        bench.scale._run(["predict", str(tmp_path / "none"), "x.csv"], tmp_path / "out.json")


def test_the_made_records_are_read_back_whole(bench, corpus, tmp_path):
    path = tmp_path / "made.csv"
    records = list(itertools.islice(bench.scale.made_records(corpus, 300, seed=0), 300))
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *records])
    read = read_corpus(path)
    assert list(zip(read.texts, read.labels, strict=True)) == records
