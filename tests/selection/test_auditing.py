from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.selection.auditing import (
    _mean_probabilities,
    audit_data,
    read_corrections,
    write_corrected,
)
from gatewise.selection.fits import FitData
from gatewise.selection.folds import Fold, Folds
from gatewise.selection.sizes import TuneRequest, tune
from gatewise.selection.workers import Engine
from gatewise.text.corpus import read_corpus

pytest.importorskip("cleanlab")
pytestmark = pytest.mark.usefixtures("quick_searches")


@pytest.fixture(scope="module")
def wrong(make_fit_data):
    """Records of which five have a wrong label."""
    data = make_fit_data(240, n_folds=3)
    for row in (3, 50, 100, 150, 200):
        others = [label for label in data.classes if label != data.labels[row]]
        data.labels[row] = others[0]
    return data


@pytest.fixture(scope="module")
def run(wrong, tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "run"
    request = TuneRequest(out, {}, {**tiny, "epochs": 4}, engine=Engine(workers=2))
    return out, audit_data(wrong, request)


def test_wrong_labels_are_found(run, wrong):
    out, found = run
    with (out / "audit.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(found.suspects)
    assert {int(row["line"]) - 1 for row in rows[:8]} >= {3, 50, 100, 150, 200}
    for row, one in zip(rows, found.suspects, strict=True):
        assert row["given"] == one.given == wrong.labels[one.row]
        assert row["text"] == wrong.texts[one.row]
        assert row["flagged"] == ("yes" if one.is_flagged else "no")
        assert row["corrected"] == ""
    facts = json.loads((out / "audit.json").read_bytes())
    assert facts["n_judged"] == 240
    assert facts["n_suspects"] == len(rows)


def test_it_is_not_a_model_that_is_wanted(run):
    out, _ = run
    assert not (out / "model").exists()
    assert (out / "oof.parquet").exists()


def test_the_results_of_a_search_are_not_written_over(run, wrong, tiny):
    out, _ = run
    before = (out / "results.json").read_bytes()
    with pytest.raises(ConfigError, match="holds a run about something else: question differ"):
        tune(wrong, TuneRequest(out, {"units": [4, 5]}, tiny, final=False))
    assert (out / "results.json").read_bytes() == before


def test_repeats_are_averaged(tmp_path):
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4], [1.0, 0.0]], dtype=np.float32)
    found, n_unknown = _mean_probabilities(
        *answered(tmp_path, probabilities, records=[0, 2, 0], labels="abab", trains=[[1, 2, 3]] * 3)
    )
    np.testing.assert_allclose(found[0], [0.6, 0.4])
    np.testing.assert_allclose(found[2], [0.6, 0.4])
    assert np.isnan(found[[1, 3]]).all()
    assert n_unknown == 0


def test_who_has_not_seen_a_label_does_not_judge_it(tmp_path):
    """Such as one that began when the earlier folds were over."""
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.7, 0.3]], dtype=np.float32)
    found, n_unknown = _mean_probabilities(
        *answered(
            tmp_path, probabilities, records=[0, 1, 1], labels="abb", trains=[[0], [0], [0, 2]]
        )
    )
    np.testing.assert_allclose(found[:2], [[1.0, 0.0], [0.7, 0.3]])
    found, n_unknown = _mean_probabilities(
        *answered(tmp_path, probabilities[:2], records=[0, 1], labels="abb", trains=[[2], [0]])
    )
    assert np.isnan(found).all()
    assert n_unknown == 2


def answered(folder, probabilities, *, records, labels, trains):
    """Write what folds have answered, one record each."""
    flat = pyarrow.FixedSizeListArray.from_arrays(probabilities.ravel(), 2)
    folds = pyarrow.array(range(len(records)), pyarrow.int32())
    columns = {"fold": folds, "record": records, "probabilities": flat}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "oof.parquet")
    parts = [
        Fold(number, np.array(train), np.array([record]))
        for number, (train, record) in enumerate(zip(trains, records, strict=True))
    ]
    return folder / "oof.parquet", FitData([""] * len(labels), list(labels), Folds(parts))


# What a reviewer gives back

REVIEWED = "rank,line,given,corrected,text\n1,3,a,b,second\n2,5,b,,fourth\n3,4,a,(remove),third\n"


@pytest.fixture
def reviewed(tmp_path):
    def write(content):
        path = tmp_path / "reviewed.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_corrections_are_put_in_place(tmp_path, reviewed):
    data = tmp_path / "data.csv"
    data.write_text("id,text,label\n1,first,a\n2,second,a\n3,third,a\n4,fourth,b\n")
    corrections = read_corrections(reviewed(REVIEWED), ["a", "b"])
    assert corrections.labels == {3: "b", 4: "(remove)"}
    out = tmp_path / "new.csv"
    assert write_corrected(data, corrections, read_corpus(data), out) == (1, 1)
    assert out.read_text().split() == ["id,text,label", "1,first,a", "2,second,b", "4,fourth,b"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_may_have_saved_it(reviewed, encoding, delimiter):
    rows = [["line", "corrected", "text"], ["3", "grün", "schöne Grüße"], ["5", "", "süß"]]
    content = "\r\n".join(map(delimiter.join, rows)).encode(encoding)
    assert read_corrections(reviewed(content), ["rot", "grün"]).labels == {3: "grün"}


def test_a_cell_may_be_long(reviewed):
    long = f"line,corrected,text\n3,b,{'word ' * 40_000}\n"
    assert read_corrections(reviewed(long), ["b"]).labels == {3: "b"}


def test_a_label_that_was_right_is_no_change(tmp_path, reviewed):
    data = tmp_path / "data.csv"
    data.write_text("text,label\nfirst,a\nsecond,b\nthird, b\n")
    corrections = read_corrections(reviewed("line,corrected\n2,a\n3,a\n4,b\n"), ["a", "b"])
    assert write_corrected(data, corrections, read_corpus(data), tmp_path / "new.csv") == (1, 0)
    assert (tmp_path / "new.csv").read_text() == "text,label\nfirst,a\nsecond,a\nthird, b\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("data.csv", 'text,label\na,x\n"br"ok,y\nb,y\n', "line 3"),
        ("data.csv", "text,label\na,x\nb,y\ntoo,y,many\nc,x,far\n", "more cells than columns: 3"),
        ("data.csv", "text,label\na,x\nb\0,y\nc,y\n", "a NUL character"),
        ("data.jsonl", '{"text": "a", "label": "x"}\n[1]\n{"text": "b", "label": "y"}\n', "not a"),
    ],
)
def test_no_row_is_lost(tmp_path, reviewed, name, content, told):
    data, new = tmp_path / name, tmp_path / "new.csv"
    data.write_text(content)
    first = 1 if name.endswith("jsonl") else 2
    corrections = read_corrections(reviewed(f"line,corrected\n{first},y\n"), ["x", "y"])
    with pytest.raises(DataError, match=f"would be lost, lines .*the first: .*{told}"):
        write_corrected(data, corrections, read_corpus(data), new)
    assert not new.exists()


AUDITED = "line,given,corrected,text\n2,a,b,First \n3,b,a,second\n4,a,,third\n"
DATA = "text,label\nfirst,a\nsecond,b\nthird,a\n"


@pytest.mark.parametrize(
    ("data", "audited", "told"),
    [
        (
            DATA.replace("first", "new,a\nfirst"),
            AUDITED,
            "the text 'new' on line 2, and not 'First'",
        ),
        (  # behind most of the lines of the list
            DATA.replace("third", "new,a\nthird"),
            AUDITED.replace("4,a,,", "4,a,b,"),
            "the text 'new' on line 4, and not 'third'",
        ),
        (
            DATA,
            "line,given,corrected\n2,b,c\n3,b,a\n4,b,c\n",
            "the label 'a' on line 2, and not 'b'",
        ),
    ],
)
def test_another_file_than_was_audited(tmp_path, reviewed, data, audited, told):
    """With a row more than then, all labels would go to the wrong records."""
    path, new = tmp_path / "data.csv", tmp_path / "new.csv"
    path.write_text(data)
    corrections = read_corrections(reviewed(audited), ["a", "b", "c"])
    with pytest.raises(DataError, match=f"is not as it was when it was audited: it has {told}"):
        write_corrected(path, corrections, read_corpus(path), new)
    assert not new.exists()


def test_what_a_spreadsheet_makes_of_a_cell_does_not_matter(tmp_path, reviewed):
    path, new = tmp_path / "data.csv", tmp_path / "new.csv"
    path.write_text(DATA)
    for changed in (AUDITED.replace("second", "2. Jan"), AUDITED.replace("2,a", "2,A")):
        corrections = read_corrections(reviewed(changed), ["a", "b"])
        assert write_corrected(path, corrections, read_corpus(path), new) == (2, 0)
    assert new.read_text() == "text,label\nfirst,b\nsecond,a\nthird,a\n"


def test_no_cell_without_a_column_name_is_lost(tmp_path, reviewed):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in (["text", "label"], ["a", "x"], ["b", "y", "more"]):
        book.active.append(cells)
    book.save(tmp_path / "data.xlsx")
    corrections = read_corrections(reviewed("line,corrected\n2,y\n"), ["x", "y"])
    corpus = read_corpus(tmp_path / "data.xlsx")
    with pytest.raises(DataError, match="'label', that would be lost; give them"):
        write_corrected(tmp_path / "data.xlsx", corrections, corpus, tmp_path / "new.csv")


def test_no_column_is_lost(tmp_path, reviewed):
    data, new = tmp_path / "data.jsonl", tmp_path / "new.csv"
    lines = ['{"text": "a", "label": "x"}', '{"text": "b", "label": "y"}'] * 600
    data.write_text("\n".join([*lines, '{"text": "c", "label": "y", "late": 1}']))
    corrections = read_corrections(reviewed("line,corrected\n1,y\n"), ["x", "y"])
    write_corrected(data, corrections, read_corpus(data), new)
    written = new.read_text().splitlines()
    assert (written[0], written[-1]) == ("text,label,late", "c,y,1")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("line,label\n3,b\n", "has no columns 'line' and 'corrected'"),
        ("line,corrected\n3,\n", "has nothing in its column 'corrected'"),
        ("line,corrected\nthree,b\n", "reviewed.csv:2 has 'three' as a line"),
        (f"line,corrected\n{9:05000},b\n", "reviewed.csv:2 has .0000"),
        ("line,corrected\n3,c\n", "reviewed.csv:2 has the label 'c', which the data do not have"),
        ("line,corrected\n3,a\n3,b\n", "reviewed.csv:3 gives line 3 a second label"),
        ('text,line,corrected\n"a\nb",3,a\nc,4,z\n', "reviewed.csv:4 has the label 'z'"),
        ('line,corrected\n3,a\n4,"b\n5,a\n', "reviewed.csv:3: the quote that opens here is never"),
        ('line,corrected\n3,a\n4,"b"c\n', "reviewed.csv:3 cannot be read .text after a closing"),
    ],
)
def test_what_is_no_correction(reviewed, content, told):
    with pytest.raises(DataError, match=told):
        read_corrections(reviewed(content), ["a", "b"])


def test_corrections_of_another_file(tmp_path, reviewed):
    data = tmp_path / "data.csv"
    data.write_text("text,label\nfirst,a\nsecond,b\n")
    corrections = read_corrections(reviewed("line,corrected\n9,b\n"), ["a", "b"])
    with pytest.raises(DataError, match="has no record on line 9; give the file that was audited"):
        write_corrected(data, corrections, read_corpus(data), tmp_path / "new.csv")
    for label in "ab":
        (tmp_path / "folder" / label).mkdir(parents=True)
        (tmp_path / "folder" / label / "1.txt").write_text("text")
    corpus = read_corpus(tmp_path / "folder")
    corrections = read_corrections(reviewed("line,corrected\n1,b\n"), ["a", "b"])
    with pytest.raises(DataError, match="is a folder; move its files"):
        write_corrected(tmp_path / "folder", corrections, corpus, tmp_path / "new.csv")
