"""benchmarks/speed.py, on tiny data and networks, without TensorFlow and jax."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path

import pytest

from gatewise.base.errors import ConfigError

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALL = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "word2vec_passes": 1, "epochs": 1}
TINY = {"tiny": {"dimension": 4, "units": 3, "pooling": "max-mean"}}


@pytest.fixture(name="parts")
def _parts(monkeypatch):
    """Import a part of the benchmark by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture(name="folder")
def _folder(tmp_path, make_tickets):
    for kind, n_records, seed in (("train", 90, 0), ("test", 12, 1)):
        texts, labels = make_tickets(n_records, seed)
        with (tmp_path / f"tickets.{kind}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return tmp_path


@pytest.fixture(name="bench")
def _bench(parts, tmp_path):
    """Keras here runs on torch, in the interpreter of the tests."""
    store = parts("run_store").RunStore(tmp_path / "speed.json")
    return parts("speed_common").Bench(
        store,
        threads=1,
        rounds=1,
        records=24,
        backends=("torch",),
        pythons={"torch": sys.executable},
    )


def runs_in(path):
    return {run["method"]: run for run in json.loads(path.read_text())["runs"]}


def data_set_in(parts, folder):
    return parts("data_sets").find_sets(folder, ["tickets"], with_test=True)[0]


def test_sections_without_keras(parts, folder, tmp_path, monkeypatch, capsys):
    speed = parts("speed")
    parts("speed_training").ARCHITECTURES.clear()
    parts("speed_training").ARCHITECTURES.update(TINY)
    shapes = [(4, 3, 5, 2)]
    measure_lstm = speed.measure_lstm
    monkeypatch.setattr(speed, "measure_lstm", lambda b: measure_lstm(b, size=16, shapes=shapes))
    monkeypatch.setattr(speed, "_use_cores", lambda _: None)
    out = tmp_path / "speed.json"
    options = ["--set", "tickets", "--sections", "b,d,e,f", "--rounds", "2", "--records", "20"]
    assert speed.main(["--data", str(folder), *options, "--out", str(out)]) == 0
    found = runs_in(out)
    assert found["gatewise"]["gatewise_is_times_as_fast"] == 1.0
    for method in ("gatewise", "gatewise, float32", "torch, packed", "torch, packed, float32"):
        assert len(found[method]["every_round"]) == 2
        assert found[method]["records_per_second"] > 0
    assert found["matrix product"]["float32_gflops"] > 0
    runs = json.loads(out.read_text())["runs"]
    assert all(run["share_of_peak"] > 0 for run in runs if run["section"] == "lstm alone")
    assert {run["section"] for run in runs} == {
        "lstm alone",
        "peak",
        "profile",
        "text",
        "training",
    }
    assert found["tokens"]["tokens_per_second"] > 0
    assert found["word2vec, skip-gram, one thread"]["words_per_second"] > 0
    steps = found["a training step at defaults"]
    shares = [value for name, value in steps.items() if name.endswith("_share")]
    assert len(shares) == 11  # the collected batch, two ways through the LSTM, the update
    assert "lstm backward, moved texts_share" in steps
    assert sum(shares) == pytest.approx(1.0)
    skipped = json.loads(out.read_text())["skipped"]
    assert skipped == {
        f"keras on {name}": f"no interpreter given: --{name}-python"
        for name in ("tensorflow", "jax")
    }
    assert "keras on jax is left out" in capsys.readouterr().out


def test_a_section_that_is_not_there(parts, folder):
    with pytest.raises(ConfigError, match="no section 'z'; they are a, b, c, d, e, f"):
        parts("speed").main(["--data", str(folder), "--sections", "a,z"])


def test_scoring_in_all_ways(parts, folder, bench, monkeypatch):
    files = parts("speed_files")
    monkeypatch.setattr(files, "FILE_ROWS", 50)
    ways = {name: way | {"units": 3} for name, way in files.KERAS_WAYS.items() if "recipe" in name}
    monkeypatch.setattr(files, "KERAS_WAYS", ways)
    parts("speed_scoring").measure_scoring(bench, data_set_in(parts, folder), settings=SMALL)
    found = runs_in(bench.store.path)
    assert set(found) == {
        "load_predictor, in memory",
        "torch, in memory",
        "onnx runtime, float32",
        "onnx runtime, int8",
        "gatewise predict",
        "gatewise predict --int8",
        "keras on torch, the question's recipe",
    }
    assert all(run["records_per_second"] > 0 for run in found.values())
    for run in found.values():
        assert run["texts"] == (50 if run["section"] == "file to file" else 24)
    assert found["gatewise predict"]["gatewise_is_times_as_fast"] == 1.0


def test_the_recipe_in_keras_and_here(parts, folder, bench, monkeypatch):
    module = parts("speed_recipe")
    monkeypatch.setattr(module, "GENSIM", module.Word2VecConfig(dimension=4, passes=1))
    monkeypatch.setattr(module, "MOST_EPOCHS", 2)
    module.measure_recipe(bench, data_set_in(parts, folder), epochs=2, settings=SMALL)
    found = runs_in(bench.store.path)
    theirs = found["keras on torch, the question's recipe"]
    assert len(theirs["accuracies"]) == len(theirs["epoch_seconds"]) == 2
    assert theirs["seconds"] > sum(theirs["epoch_seconds"])
    ours = found["gatewise, epochs until as good"]
    assert ours["goal"] == theirs["accuracy"] == theirs["accuracies"][-1]
    assert ours["passed"] == (ours["accuracy"] > ours["goal"])
    assert ours["times_as_fast_as_torch"] == theirs["seconds"] / ours["seconds"]
    assert 0 <= found["gatewise, defaults"]["accuracy"] <= 1


def test_keras_trains_the_same_architecture(parts, bench):
    common, training = parts("speed_common"), parts("speed_training")
    sample = common.make_sample(
        ["one two", "two three four", "five"] * 4, ["a", "b", "c"] * 4, 9, 2, 0
    )
    assert sample.n_tokens == sum(map(len, sample.rows())) <= 18
    arrays = training.keras_batches(sample, 4, longest=False)
    assert [arrays[f"ids{number}"].shape for number in range(3)] == [(1, 8), (4, 8), (4, 8)]
    task = training.keras_task(sample, TINY["tiny"], 3, "train", 1)
    assert bench.keras("torch", task, arrays)["seconds"] > 0


def test_an_interpreter_that_is_none(bench, tmp_path):
    bench.pythons = {"jax": str(tmp_path / "python")}
    with pytest.raises(ConfigError, match="cannot be run"):
        bench.keras("jax", {"kind": "train"}, {})
    bench.pythons = {"jax": sys.executable}
    with pytest.raises(ConfigError, match="failed: "):
        bench.keras("jax", {"kind": "none"}, {})
