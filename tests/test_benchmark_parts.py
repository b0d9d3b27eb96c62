"""The parts of benchmarks/accuracy.py: data sets, methods, scores, table."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import statistics
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from gatewise import TextClassifier, save
from gatewise.base.errors import ConfigError, DataError

FOLDER = Path(__file__).parents[1] / "benchmarks"
MODULES = ["data_sets", "fasttext_peer", "linear_peers", "measure", "methods", "ours", "table"]
MODULES += ["recipe_oddities", "replay_cost", "tasks"]
TINY = {"epochs": 1, "units": 4, "word_dimension": 8, "word2vec_passes": 1}
SUBJECTS = {"lost card": "my card is lost", "top-up": "money on my account", "rate": "euro rate"}

# Stands in for fastText: reads what it would read, knows the texts by heart.
FAKE_FASTTEXT = """
from pathlib import Path

class Model:
    def __init__(self, path):
        lines = Path(path).read_text("utf-8").split("\\n")[:-1]
        self.known = {text: label for label, _, text in (line.partition(" ") for line in lines)}

    def predict(self, line):
        return ((self.known[line],), [1.0]) if line in self.known else ((), [])

def train_supervised(input, verbose, **options):
    if options != {"wordNgrams": 2, "lr": 0.5, "epoch": 25, "thread": 1, "seed": 7}:
        raise ValueError(options)
    return Model(input)
"""


@pytest.fixture(scope="module", name="bench")
def _bench():
    """The modules of the benchmark by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for path in FOLDER.glob("*.py"):
            sys.modules.pop(path.stem, None)


def _write(path, records):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *records])


def _records(n_each):
    return [
        (f"{text}, please, number {number}", label)
        for number in range(n_each)
        for label, text in SUBJECTS.items()
    ]


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory):
    """A folder with one data set, gzipped in part."""
    folder = tmp_path_factory.mktemp("data")
    _write(folder / "bank.train.csv.gz", _records(15))
    _write(folder / "bank.test.csv", _records(4))
    return folder


@pytest.fixture(name="split")
def _split(bench, data):
    return bench.data_sets.read_split(data / "bank.train.csv.gz", data / "bank.test.csv")


def _task(bench, method, **changes):
    facts = {"data_set": "bank", "method": method, "seed": 7, "train": "", "test": None}
    facts |= {"n_folds": None, "fold": None, "threads": 1}
    facts |= {"settings": bench.methods.METHODS[method].settings}
    return bench.tasks.Task(**{**facts, **changes})


def test_folds_part_the_training_file_and_keep_the_share_of_each_label(bench, data):
    path = data / "bank.train.csv.gz"
    folds = [bench.data_sets.read_folds(path, 3, fold) for fold in range(3)]
    for fold in folds:
        assert Counter(fold.test_labels) == dict.fromkeys(SUBJECTS, 5)
        assert not set(fold.train_texts) & set(fold.test_texts)
        assert len(fold.train_texts) == len(fold.train_labels) == 30
    asked = [text for fold in folds for text in fold.test_texts]
    assert sorted(asked) == sorted(text for text, _ in _records(15))
    assert bench.data_sets.read_folds(path, 3, 1) == folds[1]


def test_more_folds_than_records_of_any_label_are_refused(bench, data):
    with pytest.raises(DataError, match="has 15 records, so 16 folds cannot be made"):
        bench.data_sets.read_folds(data / "bank.train.csv.gz", 16, 0)


def test_scores_are_those_of_scikit_learn(bench):
    generator = np.random.default_rng(0)
    truth = [f"label {number}" for number in generator.integers(0, 6, 200)]
    predicted = [f"label {number}" for number in generator.integers(1, 9, 200)]
    score = bench.measure.score(truth, predicted)
    expected = f1_score(truth, predicted, average="macro", zero_division=0.0)
    assert score["accuracy"] == accuracy_score(truth, predicted)
    assert score["macro_f1"] == pytest.approx(expected, abs=1e-12)


def test_no_answer_is_a_wrong_answer(bench):
    assert bench.measure.score(["a", "b"], ["a", None]) == {"accuracy": 0.5, "macro_f1": 0.5}


def test_the_table_has_means_the_standard_deviation_and_the_largest_memory(bench):
    runs = [
        {
            "scores": {"model": {"accuracy": share, "macro_f1": 0.5}},
            "seconds": 2.0,
            "peak_memory_mb": 900 + share,
        }
        for share in (0.7, 0.8, 0.75)
    ]
    groups = {("bank", "svc-word"): runs, ("bank", "fasttext"): []}
    lines = bench.table.results_table(groups, {("bank", "fasttext"): "skipped"}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    spread = f"{statistics.stdev([70, 80, 75]):.2f}"
    assert cells[2] == ["bank", "svc-word", "3", "75.00", spread, "50.00", "2.0", "901"]
    assert cells[3][:4] == ["bank", "fasttext", "0", "skipped"]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("method", ["svc-word", "svc-word-char"])
def test_linear_peers_learn_the_tiny_set(bench, split, method):
    outcome = bench.linear_peers.run(_task(bench, method), split)
    assert outcome.predictions["model"] == split.test_labels


def test_texts_without_spaces_are_read_by_characters(bench):
    texts = ["这个手机很好", "手机质量太差", "苹果很好吃", "水果不新鲜"] * 3
    labels = ["phone", "phone", "fruit", "fruit"] * 3
    split = bench.data_sets.Split(texts, labels, ["手机好", "苹果新鲜"], ["phone", "fruit"], 0)
    outcome = bench.linear_peers.run(_task(bench, "svc-word"), split)
    assert outcome.predictions["model"] == ["phone", "fruit"]
    assert [part["analyzer"] for part in outcome.details["vectors"]] == ["char"]


def test_classic_is_the_recipe_of_the_forum(bench, split):
    settings = {**TINY, **bench.methods.METHODS["classic"].settings, "min_count": 1}
    outcome = bench.ours.run(_task(bench, "classic", settings=settings), split)
    assert list(outcome.predictions) == ["model"]
    assert len(outcome.predictions["model"]) == 12
    assert outcome.details["recipe"]["activation"] == "relu"
    assert outcome.details["recipe"]["pooling"] == "flatten"
    json.dumps(outcome.details)


def test_a_setting_that_is_no_parameter_is_refused_by_name(bench, split):
    with pytest.raises(ConfigError, match="no parameter 'unit'; it has abstain_coverage"):
        bench.ours.run(_task(bench, "gatewise", settings={"unit": 5}), split)


def test_fasttext_gets_numbers_for_labels_and_may_have_no_answer(bench, split, tmp_path):
    """The worker as it is, in a process of its own, with a stand-in for fastText."""
    (tmp_path / "fasttext.py").write_text(FAKE_FASTTEXT, "utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    asked = bench.data_sets.Split(
        split.train_texts, split.train_labels, [*split.train_texts[:4], "?"], ["rate"] * 5, 0
    )
    outcome = bench.fasttext_peer.run(_task(bench, "fasttext", fasttext_python=str(python)), asked)
    assert outcome.predictions["model"] == [*split.train_labels[:4], None]
    assert outcome.details["n_without_answer"] == 1


def test_fasttexts_environment_is_made_once_and_again_if_half_made(bench, tmp_path, monkeypatch):
    commands = []

    def pretend(command, **_):
        commands.append(command[1:3])
        python = bench.fasttext_peer.environment_python(tmp_path / "env")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        (tmp_path / "env" / "pyvenv.cfg").touch()
        return SimpleNamespace(stdout='{"fasttext-wheel": "0.9.2"}')

    monkeypatch.setattr(bench.fasttext_peer.subprocess, "run", pretend)
    make = bench.fasttext_peer.make_environment
    assert make(tmp_path / "env") == {"fasttext-wheel": "0.9.2"}
    assert commands[:2] == [["-m", "venv"], ["-m", "pip"]]
    assert make(tmp_path / "env") == {"fasttext-wheel": "0.9.2"}
    assert len(commands) == 3
    (tmp_path / "env" / "ready.json").unlink()
    make(tmp_path / "env")
    assert len(commands) == 6


def test_a_folder_that_is_no_environment_is_left_alone(bench, tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ConfigError, match="is not an environment"):
        bench.fasttext_peer.make_environment(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("status", "complaints", "told"),
    [(-9, "", "signal 9"), (1, "Traceback\nMemoryError\n\n", "MemoryError"), (2, "", "no message")],
)
def test_endings_of_a_run_that_were_not_foreseen(bench, status, complaints, told):
    with pytest.raises(bench.measure.RunFailedError, match=told):
        bench.measure._check_ending(status, complaints)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "has no NAME.train.csv"),
        (["a.train.csv"], "has no a.test.csv"),
        (["a.train.csv", "a.train.csv.gz", "a.test.csv"], "both a.train.csv and a.train.csv.gz"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_is_refused(bench, tmp_path, names, told):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises((ConfigError, DataError), match=told):
        bench.data_sets.find_sets(tmp_path, None, with_test=True)


# The benchmarks of single pages


def test_words_can_be_told_by_their_counts(bench):
    train, test = bench.recipe_oddities._counts_as_ids(
        ["it was a good movie", "it was a bad movie"], ["a good movie", "never seen"]
    )
    assert train == ["2 2 2 1 2", "2 2 2 1 2"]
    assert test == ["2 1 2", "0 0"]


def test_each_oddity_is_measured_once(bench, tmp_path, monkeypatch, capsys):
    tiny = {"units": 2, "word_dimension": 4, "epochs": 1, "word2vec_passes": 1, "companion": False}
    variants = [("the one", {**tiny, "recipe": "minimal"}, False), ("  but counts", tiny, True)]
    monkeypatch.setattr(bench.recipe_oddities, "VARIANTS", variants)
    out = tmp_path / "found.json"
    assert bench.recipe_oddities.main(["--seeds", "1", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "seed 0, but counts: " in told
    runs = json.loads(out.read_text())["runs"]
    assert [run["variant"] for run in runs] == ["the one", "but counts"]
    assert all(0.0 <= run["accuracy"] <= 1.0 for run in runs)
    bench.recipe_oddities.main(["--seeds", "1", "--out", str(out)])
    assert "seed 0" not in capsys.readouterr().out
    assert json.loads(out.read_text())["runs"] == runs


def test_what_a_replay_costs(bench, tmp_path, monkeypatch, capsys):
    texts = [text for text, _ in _records(9)]
    classifier = TextClassifier(**TINY).fit(texts, [label for _, label in _records(9)])
    save(classifier, tmp_path / "model")
    monkeypatch.setattr(bench.replay_cost, "LENGTHS", (3,))
    out = tmp_path / "found.json"
    bench.replay_cost.main(["--model", str(tmp_path / "model"), "--out", str(out)])
    (run,) = json.loads(out.read_text())["runs"]
    assert run["n_tokens"] == 3
    assert 20 < run["peak_mb"] < 1000
    assert "replay_ms" in capsys.readouterr().out
