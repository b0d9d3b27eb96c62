"""benchmarks/accuracy.py on made-up data: the command, its results file, what can go wrong."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewise.base.errors import ConfigError

FOLDER = Path(__file__).parents[1] / "benchmarks"
MODULES = ["accuracy", "fasttext_peer", "machine", "measure"]
TINY = {"epochs": 1, "final_epochs": 0, "units": 4, "word_dimension": 8, "ngram_dimension": 4}
TINY |= {"projection": 0, "word2vec_passes": 1}
SUBJECTS = {"lost card": "my card is lost", "top-up": "money on my account", "rate": "euro rate"}


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


def _measured(accuracy, *parts):
    """What measure() gives, with made-up numbers."""
    return {
        "scores": {part: {"accuracy": accuracy, "macro_f1": 0.5} for part in parts or ["model"]},
        "seconds": 2.0,
        "cpu_seconds": 1.0,
        "peak_memory_mb": 300.0,
        "records": {"refused": 0, "test_label_not_in_train": 0},
        "details": {},
        "warnings": [],
    }


@pytest.fixture(name="call")
def _call(bench, data, tmp_path, monkeypatch):
    """Call the benchmark in this process with runs that are not really run."""
    tasks = []

    def fake(task):
        tasks.append(task)
        return _measured(0.5 + task.seed / 10)

    def call(*arguments):
        tasks.clear()
        out = tmp_path / "results" / "accuracy.json"
        status = bench.accuracy.main(["--data", str(data), "--out", str(out), *arguments])
        content = json.loads(out.read_text("utf-8")) if out.exists() else None
        return SimpleNamespace(status=status, tasks=list(tasks), out=out, content=content)

    monkeypatch.setattr(bench.accuracy, "measure", fake)
    return call


@pytest.fixture(scope="module", name="finished")
def _finished(data, tmp_path_factory):
    """The command as people type it, run once."""
    out = tmp_path_factory.mktemp("results") / "accuracy.json"
    command = [sys.executable, str(FOLDER / "accuracy.py"), "--data", str(data), "--out", str(out)]
    command += ["--methods", "svc-word,gatewise", "--seeds", "1", "--threads", "1"]
    for key, value in TINY.items():
        command += ["--set", f"{key}={value}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(printed=done.stdout, content=json.loads(out.read_text("utf-8")))


@pytest.mark.slow
def test_the_command_keeps_every_number_of_every_run(finished):
    linear, ours = finished.content["runs"]
    assert (linear["method"], ours["method"]) == ("svc-word", "gatewise")
    assert linear["scores"]["model"]["accuracy"] == 1.0
    assert sorted(ours["scores"]) == ["blend", "lstm", "ngrams"]
    assert ours["settings"] == TINY
    assert ours["details"]["recipe"]["units"] == 4
    for run in (linear, ours):
        assert run["records"]["train"] == 45
        assert run["records"]["test"] == 12
        assert run["records"]["labels"] == 3
        assert run["details"]["fit_seconds"] < run["seconds"]
        assert {"gatewise", "python", "scikit-learn"} <= set(run["versions"])
        assert finished.content["machines"][run["machine"]]["cores"] >= 1
        assert run["threads"] == 1


@pytest.mark.slow
def test_each_run_has_the_memory_of_its_own_process(finished):
    """The one that loads torch, run after the other, needs more; neither adds up."""
    linear, ours = finished.content["runs"]
    assert 20 < linear["peak_memory_mb"] < ours["peak_memory_mb"] - 50


@pytest.mark.slow
def test_the_command_prints_each_run_and_a_table_with_three_rows_for_gatewise(finished):
    assert "[1/2] bank svc-word seed 0: accuracy 100.00 %" in finished.printed
    rows = [
        line.split("|")[2].strip() for line in finished.printed.splitlines() if "| bank" in line
    ]
    assert rows == [
        "svc-word",
        "gatewise, LSTM alone",
        "gatewise, n-grams alone",
        "gatewise, blend",
    ]


def test_what_is_there_is_not_measured_again(call, capsys):
    assert len(call("--methods", "svc-word").tasks) == 3
    capsys.readouterr()
    second = call("--methods", "svc-word")
    assert second.tasks == []
    assert capsys.readouterr().out.count("already there: accuracy") == 3
    assert len(second.content["runs"]) == 3


def test_a_stopped_benchmark_keeps_its_runs_and_goes_on(bench, call, monkeypatch, capsys):
    fake = bench.accuracy.measure

    def stop_at_the_second(task):
        if task.seed == 1:
            raise KeyboardInterrupt
        return fake(task)

    with monkeypatch.context() as patch:
        patch.setattr(bench.accuracy, "measure", stop_at_the_second)
        stopped = call("--methods", "svc-word")
    assert stopped.status == 130
    assert len(stopped.content["runs"]) == 1
    assert "goes on from here" in capsys.readouterr().out
    assert [task.seed for task in call("--methods", "svc-word").tasks] == [1, 2]


def test_again_replaces_the_runs(call):
    call("--methods", "svc-word")
    redone = call("--methods", "svc-word", "--again")
    assert len(redone.tasks) == 3
    assert len(redone.content["runs"]) == 3


@pytest.mark.parametrize("change", [("--threads", "1"), ("--set", "epochs=3"), ("--folds", "3")])
def test_other_settings_are_other_runs(call, change):
    call("--methods", "gatewise", "--seeds", "1")
    assert call("--methods", "gatewise", "--seeds", "1", *change).tasks


def test_other_versions_are_other_runs(bench, call, monkeypatch):
    call("--methods", "svc-word", "--seeds", "1")
    monkeypatch.setattr(bench.machine.metadata, "version", lambda name: "99")
    assert call("--methods", "svc-word", "--seeds", "1").tasks


def test_other_data_are_other_runs(call, data):
    call("--methods", "svc-word", "--seeds", "1")
    path = data / "bank.test.csv"
    before = path.read_bytes()
    path.write_bytes(before + b"euro rate,rate\n")
    try:
        assert call("--methods", "svc-word", "--seeds", "1").tasks
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("place", "told"), [("source", "another state of gatewise's source"), ("machine", "another")]
)
def test_a_run_that_does_not_quite_compare_is_told(call, capsys, place, told):
    first = call("--methods", "svc-word", "--seeds", "1")
    first.content["runs"][0][place] = "0000"
    first.out.write_text(json.dumps(first.content), "utf-8")
    assert not call("--methods", "svc-word", "--seeds", "1").tasks
    assert told in capsys.readouterr().out


def test_parameters_go_to_our_methods_alone_and_keep_their_kind(call):
    done = call(
        "--seeds", "1", "--methods", "gatewise,svc-word,classic", "--set", "epochs=3",
        "--set", "companion=False", "--set", "dropout=0.25", "--set", "pooling=mean",
    )  # fmt: skip
    given = {"epochs": 3, "companion": False, "dropout": 0.25, "pooling": "mean"}
    settings = [task.settings for task in done.tasks]
    assert settings[0] == given
    assert set(settings[1]) == {"vectors", "unspaced"}
    assert settings[2] == {**given, "recipe": "classic"}


def test_folds_do_not_touch_the_test_file(call, tmp_path, data):
    folder = tmp_path / "train only"
    folder.mkdir()
    (folder / "bank.train.csv.gz").write_bytes((data / "bank.train.csv.gz").read_bytes())
    done = call("--data", str(folder), "--methods", "svc-word", "--folds", "3")
    assert [(task.seed, task.fold, task.test) for task in done.tasks] == [
        (0, 0, None), (0, 1, None), (0, 2, None),
    ]  # fmt: skip
    assert set(done.content["runs"][0]["data"]) == {"train"}


def test_a_refused_setting_ends_the_benchmark(bench, call, monkeypatch, capsys):
    def refuse(task):
        raise ConfigError("units is 0; allowed is 1 to 9")

    monkeypatch.setattr(bench.accuracy, "measure", refuse)
    assert call("--methods", "gatewise").status == 2
    assert "error: units is 0" in capsys.readouterr().err


def test_a_fasttext_that_cannot_be_installed_is_told(bench, call, tmp_path, monkeypatch, capsys):
    def fail(command, **_):
        complaint = "ERROR: No matching distribution found for fasttext-wheel\nhint: a new pip"
        raise subprocess.CalledProcessError(1, command, output="", stderr=complaint)

    monkeypatch.setattr(bench.fasttext_peer.subprocess, "run", fail)
    environment = str(tmp_path / "environment")
    done = call("--methods", "svc-word,fasttext", "--fasttext-environment", environment)
    assert done.status == 0
    assert {task.method for task in done.tasks} == {"svc-word"}
    assert "No matching distribution" in done.content["skipped"]["fasttext"]
    printed = capsys.readouterr().out
    assert "fasttext was skipped: fastText cannot be installed" in printed
    assert "No matching distribution" in printed


def test_a_run_that_fails_says_why_and_the_others_go_on(bench, tmp_path, capsys, monkeypatch):
    for name in ("bad", "good"):
        _write(tmp_path / f"{name}.train.csv", _records(3))
        _write(tmp_path / f"{name}.test.csv", _records(1))
    (tmp_path / "bad.test.csv").write_text("text,topic\na card,lost card\n", "utf-8")
    really = bench.measure.measure

    def measure(task):
        return really(task) if task.data_set == "bad" else _measured(1.0)

    monkeypatch.setattr(bench.accuracy, "measure", measure)
    out = tmp_path / "out.json"
    arguments = ["--data", str(tmp_path), "--out", str(out), "--methods", "svc-word"]
    assert bench.accuracy.main([*arguments, "--seeds", "1"]) == 1
    printed = capsys.readouterr().out
    assert "bad.test.csv" in printed.partition("FAILED: ")[2].splitlines()[0]
    assert "bad svc-word seed 0 failed" in printed
    assert [run["data_set"] for run in json.loads(out.read_text("utf-8"))["runs"]] == ["good"]


def test_records_that_could_not_be_used_are_told(bench, call, monkeypatch, capsys):
    measured = _measured(1.0)
    measured["records"] = {"refused": 2, "test_label_not_in_train": 1}
    monkeypatch.setattr(bench.accuracy, "measure", lambda task: measured)
    call("--methods", "svc-word", "--seeds", "1")
    printed = capsys.readouterr().out
    assert "bank: 2 records without text or label left out" in printed
    assert "bank: 1 test records have a label that no training record has" in printed


@pytest.mark.parametrize("content", ["not JSON", "[]", '{"format": 9}'])
def test_another_file_is_not_overwritten_by_results(bench, data, tmp_path, capsys, content):
    out = tmp_path / "accuracy.json"
    out.write_text(content, "utf-8")
    arguments = ["--data", str(data), "--methods", "svc-word", "--out", str(out)]
    assert bench.accuracy.main(arguments) == 2
    assert "results" in capsys.readouterr().err
    assert out.read_text("utf-8") == content


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--methods", "magic"], "'magic' is no method; allowed are gatewise, svc-word"),
        (["--methods", ","], "names nothing"),
        (["--folds", "1"], "from 2 on"),
        (["--seeds", "0"], "from 1 on"),
        (["--set", "epochs"], "is not KEY=VALUE"),
        (["--set", "recipe=minimal"], "recipe is settled by --methods"),
    ],
)
def test_options_that_make_no_sense_are_refused(call, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        call(*arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_a_set_that_is_not_there_is_refused_with_those_that_are(call, capsys):
    assert call("--sets", "bank,clinic").status == 2
    assert "has no set 'clinic'; it has bank" in capsys.readouterr().err


def test_the_benchmark_itself_loads_no_learning_library():
    """Else every run would begin with its memory."""
    code = "import accuracy, sys; print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
