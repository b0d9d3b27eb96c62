"""``gatewise predict``: every row comes back, in its place."""

import csv
import gzip
import io
import json

import pyarrow.parquet as pq
import pytest

from gatewise.classify import answers
from gatewise.store import predictor_archive
from gatewise.store.archive import load
from gatewise.store.predictor_archive import load_predictor


@pytest.fixture(scope="module")
def expected(model, labelled):
    """The rows of test.csv with what the model says of them."""
    with (labelled / "test.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    classifier = load(model)
    probabilities = classifier.predict_proba([row["msg"] for row in rows])
    for row, one in zip(rows, probabilities, strict=True):
        row["predicted"] = row["decision"] = str(classifier.classes_[one.argmax()])
        row["probability"], row["reason"] = one.max(), ""
    return rows


def check(found, expected):
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert float(row["probability"]) == pytest.approx(wanted["probability"], abs=2e-3)
        for name in ("id", "msg", "queue", "predicted", "decision"):
            assert row[name] == wanted[name]


def read(content):
    return list(csv.DictReader(io.StringIO(content)))


def test_standard_output_is_csv(gatewise, model, labelled, expected):
    result = gatewise("predict --text msg", model, labelled / "test.csv")
    assert result.exit_code == 0
    check(read(result.stdout), expected)
    header = "id,msg,queue,predicted,probability,in_scope,decision,reason"
    assert result.stdout.splitlines()[0] == header
    assert result.stderr == "40 of 40 rows answered\n"


@pytest.mark.parametrize("n_rows", [1, 7, 39, 40, 41])
def test_chunks_make_no_difference(gatewise, model, labelled, expected, monkeypatch, n_rows):
    monkeypatch.setattr(answers, "_MAX_ROWS", n_rows)
    check(read(gatewise("predict --text msg", model, labelled / "test.csv").stdout), expected)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.tsv"])
def test_a_file_by_its_ending(gatewise, model, labelled, expected, tmp_path, name):
    result = gatewise("predict --text msg --out", tmp_path / name, model, labelled / "test.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    content = (tmp_path / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    if "jsonl" in name:
        found = [json.loads(line) for line in text.splitlines()]
    else:
        found = list(csv.DictReader(io.StringIO(text), delimiter="\t" if "tsv" in name else ","))
    check(found, expected)
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_standard_input(gatewise, model, labelled, expected):
    typed = (labelled / "test.csv").read_text()
    check(read(gatewise("predict --text msg", model, "-", typed=typed).stdout), expected)
    packed = gzip.compress(typed.encode())
    check(read(gatewise("predict --text msg", model, "-", typed=packed).stdout), expected)


def test_json_lines_from_standard_input(gatewise, model):
    typed = '{"msg": "my card is stuck", "n": {"a": 1}}\n{"n": 2}\n'
    result = gatewise("predict --text msg --format jsonl --top 3", model, "-", typed=typed)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["n"] == {"a": 1}
    assert first["probability"] >= first["top_2_probability"] >= first["top_3_probability"]
    ranked = {first["predicted"], first["top_2"], first["top_3"]}
    assert ranked == {"balance", "card", "transfer"}
    assert second["predicted"] is second["probability"] is None
    assert second["decision"] == "abstain"
    assert second["reason"] == "line 2: no text"
    assert "unusable 1: no text, line 2" in result.stderr


def test_plain_lines(gatewise, model):
    result = gatewise("predict --lines", model, "-", typed="my card is stuck\n\nmy balance\n")
    found = read(result.stdout)
    assert [row["text"] for row in found] == ["my card is stuck", "", "my balance"]
    assert [bool(row["predicted"]) for row in found] == [True, False, True]


def test_a_collision_is_said_and_nothing_is_lost(gatewise, model):
    result = gatewise("predict", model, "-", typed="predicted,text\nmine,my card\n")
    assert read(result.stdout)[0]["input_predicted"] == "mine"
    assert "column 'predicted' of the input is written as 'input_predicted'" in result.stderr


@pytest.mark.parametrize(
    ("options", "typed", "words"),
    [
        ("--text msg", "", "standard input is empty"),
        ("--text other", "msg,n\nx,1\n", "has no column 'other'"),
        ("", "a,b,c\nx,1,2\n", "do not tell where the texts are"),
        ("", 'text\nx\n"y', "the quote that opens here is never closed"),
        ("--top 4", "text\nx\n", "top is 4; allowed is 1 to 3"),
        ("--top 0", "text\nx\n", "top is 0"),
        ("--format xml", "text\nx\n", "format is 'xml'"),
        ("--out x.txt", "text\nx\n", "ending that is not known"),
        ("--out nowhere/x.csv", "text\nx\n", "there is no folder"),
    ],
)
def test_what_cannot_be_done(fails, model, options, typed, words):
    assert words in fails(f"predict {options}", model, "-", typed=typed)


def test_with_eight_bits(gatewise, model, labelled, expected, monkeypatch):
    """The same answers here: this model is very sure of them."""
    opened = []

    def spy(folder, **options):
        opened.append(options)
        return load_predictor(folder, **options)

    monkeypatch.setattr(predictor_archive, "load_predictor", spy)
    result = gatewise("predict --int8 --text msg", model, labelled / "test.csv")
    assert result.exit_code == 0, result.stderr
    assert opened == [{"int8": True}]
    check(read(result.stdout), expected)


def test_a_broken_table_leaves_the_old_file(fails, model, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    fails(f"predict --out {out}", model, "-", typed='text\nx\n"y')
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_is_no_model(fails, labelled):
    assert "is not a saved model" in fails("predict", labelled, labelled / "test.csv")


def test_parquet(gatewise, model, labelled, expected, tmp_path):
    out = tmp_path / "out.parquet"
    result = gatewise("predict --text msg --out", out, model, labelled / "test.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    check([{**row, "reason": ""} for row in pq.read_table(out).to_pylist()], expected)


def test_by_shards_in_other_processes(gatewise, model, labelled, tmp_path):
    plain, sharded = tmp_path / "plain.csv", tmp_path / "sharded.csv"
    assert gatewise("predict --text msg --out", plain, model, labelled / "test.csv").exit_code == 0
    options = "predict --text msg --engine local --workers 2 --shard-rows 15 --out"
    result = gatewise(options, sharded, model, labelled / "test.csv")
    assert result.exit_code == 0, result.stderr
    for row, wanted in zip(read(sharded.read_text()), read(plain.read_text()), strict=True):
        # So many rows at a time: the last of six digits may be another.
        for name in ("probability", "in_scope"):
            mine, other = row.pop(name), wanted.pop(name)
            assert mine == other or float(mine) == pytest.approx(float(other), abs=2e-6)
        assert list(row.items()) == list(wanted.items())
    assert result.stderr.splitlines()[-1] == "40 of 40 rows answered"
    assert "3 shards" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.csv", "sharded.csv"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--shard-rows 5", "--shard-rows is for scoring by shards; add --engine local, ray or"),
        ("--workers 2", "--workers is for scoring by shards"),
        ("--address here:1", "--address is for scoring by shards"),
        ("--run there", "--run is for scoring by shards"),
        ("--format parquet", "parquet is written to a file only"),
        ("--engine local", "--engine needs --out"),
        ("--engine slurm --out x.csv", "engine is 'slurm'"),
        ("--engine ray --out x.csv", "the engine 'ray' needs the address of a cluster"),
        ("--engine local --out x.csv --threads 0", "threads is 0"),
        ("--engine local --out x.csv --workers 0", "workers is 0"),
        ("--engine local --out x.csv --shard-rows 0", "shard-rows is 0"),
        ("--engine local --out x.csv --int8", "--int8 goes without --engine"),
        ("--engine local --out x.xlsx", "ending that is not known"),
    ],
)
def test_what_cannot_be_done_by_shards(fails, model, labelled, options, words):
    assert words in fails(f"predict {options} --text msg", model, labelled / "test.csv")


def test_standard_input_has_no_shards(fails, model):
    told = fails("predict --engine local --out x.csv", model, "-", typed="text\nx\n")
    assert told == "standard input cannot be scored by shards; give a file"
