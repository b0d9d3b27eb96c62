"""``gatewise evaluate``: tables to read and JSON to script."""

import csv
import json
import shutil

import pytest

from gatewise.store.archive import load

COLUMNS = "--text msg --label queue"


@pytest.fixture(scope="module")
def scored(tmp_path_factory, gatewise, model, labelled):
    path = tmp_path_factory.mktemp("scores") / "scores.json"
    result = gatewise(f"evaluate {COLUMNS} --json {path}", model, labelled / "test.csv")
    assert result.exit_code == 0, result.stderr
    return result, json.loads(path.read_text())


def records(labelled):
    with (labelled / "test.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_json_is_what_the_model_says(scored, model, labelled):
    rows, scores = records(labelled), scored[1]
    found = load(model).predict([row["msg"] for row in rows])
    right = sum(row["queue"] == label for row, label in zip(rows, found, strict=True))
    assert scores["n_records"] == 40
    assert scores["accuracy"] == scores["parts"]["blend"]["accuracy"] == right / 40
    assert set(scores) == {
        "n_records",
        "n_wordless",
        "accuracy",
        "macro_f1",
        "calibration_error",
        "calibration_error_by_chance",
        "parts",
        "confused",
        "unknown",
        "per_class",
    }
    assert set(scores["parts"]) == {"lstm", "ngrams", "blend"}
    assert sum(one["support"] for one in scores["per_class"].values()) == 40


def test_the_tables_show_the_same(scored):
    result, scores = scored
    told = " ".join(result.stdout.split())
    parts = {"LSTM alone": "lstm", "n-grams alone": "ngrams", "blend": "blend"}
    for name, part in parts.items():
        both = scores["parts"][part]
        assert f"{name} {both['accuracy']:.1%} {both['macro_f1']:.1%}" in told
    assert "40 records" in told
    for label, one in scores["per_class"].items():
        shares = f"{one['precision']:.1%} {one['recall']:.1%} {one['f1']:.1%} {one['support']}"
        assert f"{label} {shares}" in told


def test_worst_classes_first(gatewise, model, tmp_path):
    path = tmp_path / "d.csv"
    rows = "my card is stuck,card\n" * 5 + "what is my balance,card\n" * 2
    path.write_text(f"msg,queue\n{rows}send money abroad,transfer\nxyzzy,zebra\n...,zebra\n")
    result = gatewise(f"evaluate {COLUMNS}", model, path)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "2 of 10 records have labels that the model was not trained on" in result.stdout
    assert "'zebra' 2" in result.stdout
    assert "1 text without a word or number: a guess is counted here" in result.stdout
    begin = next(number for number, words in enumerate(lines) if words[:2] == ["worst", "classes"])
    assert lines[begin + 1][0] == "zebra"
    assert ["card", "balance", "2"] in lines


def test_json_alone_on_standard_output(gatewise, model, labelled, scored):
    result = gatewise(f"evaluate {COLUMNS} --json -", model, labelled / "test.csv")
    assert json.loads(result.stdout) == scored[1]


def test_unknown_labels_stand_in_the_json(gatewise, model, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("msg,queue\nmy card is stuck,card\nmy card,zebra\n")
    scores = json.loads(gatewise(f"evaluate {COLUMNS} --json -", model, path).stdout)
    assert scores["accuracy"] == 0.5
    assert scores["per_class"]["zebra"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}


def test_markup_in_labels_is_shown_as_it_is(gatewise, model, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("msg,queue\nmy card,[red]x[/red]\nmy card,\x1b[31mred\n")
    told = gatewise(f"evaluate {COLUMNS}", model, path).stdout
    assert "[red]x[/red]" in told
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("model_name", "data_name", "options", "words"),
    [
        ("none", "test.csv", "", "is not there"),
        ("train.csv", "test.csv", "", "is a file"),
        (".", "test.csv", "", "is not a saved model"),
        (None, "none.csv", "", "there is no file"),
        (None, "test.csv", "--text nothing", "has no column 'nothing'"),
        (None, "test.csv", "--json nowhere/x.json", "there is no folder 'nowhere'"),
        (None, "test.csv", "--json .", "is a folder"),
    ],
)
def test_what_cannot_be_read_or_written(
    fails, labelled, model, model_name, data_name, options, words
):
    folder = model if model_name is None else labelled / model_name
    columns = COLUMNS.replace("--text msg", "") if "--text" in options else COLUMNS
    assert words in fails(f"evaluate {columns} {options}", folder, labelled / data_name)


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {model} {data} --json {data}",
        "report {model} --data {data} --out {data}",
        "export {model} --to onnx --int8 --data {data} --out {data}",
        "evaluate {model} {data} --json {model}/config.json",
        "replay {model} hi --html {model}/weights.safetensors",
        "export {model} --to onnx --out {model}/model.onnx",
        "predict {model} {data} --format jsonl --out {model}/labels.json",
        "predict {model} {data} --out {data}",
    ],
)
def test_what_is_read_is_not_written_over(fails, model, tmp_path, command):
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "d.csv").write_text("text,label\nmy card,card\n")
    names = {"model": tmp_path / "model", "data": tmp_path / "d.csv"}
    told = fails(command.format(**names))
    assert told.endswith("is what is read, and would be lost; write somewhere else")
    assert (tmp_path / "d.csv").read_text() == "text,label\nmy card,card\n"
