"""From files and lists to a corpus, and the account of what was refused."""

import csv
import gzip
import io
import json
import os
import sys
import types

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.errors import DataError
from gatewise.text.corpus import (
    Corpus,
    Refused,
    corpus_from_lists,
    read_corpus,
    read_texts,
)

TEXTS = ["hello there", " two\nlines ", "wörld", "hello there"]
LABELS = ["a", "b", "a", "b"]


def csv_of(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return path


def folder_of(tmp_path, files):
    for name, content in files.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "corpus"


# What is read


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".jsonl", ".parquet", ".xlsx"])
def test_files_of_every_kind(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    frame = pd.DataFrame({"text": TEXTS, "label": LABELS})
    write = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".tsv.gz": lambda: frame.to_csv(path, sep="\t", index=False),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".parquet": lambda: frame.to_parquet(path),
        ".xlsx": lambda: frame.to_excel(path, index=False),
    }
    write[ending]()
    corpus = read_corpus(path)
    assert (corpus.texts, corpus.labels) == (TEXTS, LABELS)
    assert corpus.source == str(path)
    assert corpus.refused == []


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames(make):
    frame = make({"id": [1, 2, 3, 4], "text": TEXTS, "label": LABELS})
    corpus = read_corpus(frame, text_column="text", label_column="label")
    assert (corpus.texts, corpus.labels, corpus.lines) == (TEXTS, LABELS, [1, 2, 3, 4])
    assert (corpus.source, corpus.notes, corpus.encoding) == ("data frame", [], None)


def test_standard_input(monkeypatch):
    stream = io.BytesIO(b'{"text": "x", "label": 1}\n{"text": "y", "label": 2.0}\n')
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=stream))
    corpus = read_corpus("-")
    assert (corpus.texts, corpus.labels, corpus.lines) == (["x", "y"], ["1", "2.0"], [1, 2])


def test_lines_stay_right_behind_cells_of_several_lines(tmp_path):
    corpus = read_corpus(csv_of(tmp_path, 'text,label\n"a\nb\nc",x\nd,y\n\ne,y\n'))
    assert corpus.lines == [2, 5, 7]
    assert corpus.texts[0] == "a\nb\nc"


def test_columns_are_chosen_and_told(tmp_path):
    path = csv_of(tmp_path, "a,queue,b\nx,q1,y\nz,q2,w\n")
    corpus = read_corpus(path, text_column="b")
    assert (corpus.text_column, corpus.label_column) == ("b", "queue")
    assert corpus.texts == ["y", "w"]
    assert "column 'queue' is taken for the label" in corpus.notes
    with pytest.raises(DataError, match="do not tell where the texts and the labels are"):
        read_corpus(path)
    with pytest.raises(DataError, match=r"did you mean 'queue'\?"):
        read_corpus(path, text_column="b", label_column="que")


def test_labels_are_stripped_and_texts_are_not(tmp_path):
    corpus = read_corpus(csv_of(tmp_path, "text,label\n  x , a \ny\t,b\n"))
    assert corpus.texts == ["  x ", "y\t"]
    assert corpus.labels == ["a", "b"]


# A letter in front keeps cells from being blank; line ends and quotes may follow.
CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
PAIRS = st.lists(st.tuples(CELLS.map("x".__add__), CELLS.map("y{}z".format)), min_size=2)


@settings(deadline=None)
@given(pairs=PAIRS)
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, pairs):
    """Random texts and labels survive the way through a file."""
    pairs = [*pairs, ("text", "one label"), ("text", "another")]
    path = tmp_path_factory.getbasetemp() / "corpus.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *pairs])
    corpus = read_corpus(path)
    assert list(zip(corpus.texts, corpus.labels, strict=True)) == pairs
    assert corpus.refused == []
    assert len(set(corpus.lines)) == len(pairs)


# What is refused


def test_unusable_records_are_refused_with_line_and_reason(tmp_path):
    content = "text,label\nfine,a\n,a\n  ,b\nx,\nx, \nalone\na,b,c\nnul\0,a\nfine,b\n"
    corpus = read_corpus(csv_of(tmp_path, content))
    assert corpus.texts == ["fine", "fine"]
    assert corpus.refused == [
        Refused(3, "no text"),
        Refused(4, "no text"),
        Refused(5, "no label"),
        Refused(6, "no label"),
        Refused(7, "no label"),
        Refused(8, "more cells than columns: 3, not 2"),
        Refused(9, "a NUL character"),
    ]


def test_nested_json_is_refused_in_the_chosen_columns_only(tmp_path):
    records = [
        {"text": "x", "label": "a", "tags": ["t"]},
        {"text": ["x"], "label": "a"},
        {"text": "x", "label": {"b": 1}},
        {"text": "[1]", "label": "b"},
        {"label": "b"},
    ]
    path = csv_of(tmp_path, "".join(json.dumps(record) + "\n" for record in records), "a.jsonl")
    corpus = read_corpus(path)
    assert corpus.texts == ["x", "[1]"]
    assert [(refused.line, refused.reason) for refused in corpus.refused] == [
        (2, "text is a list, an object or bytes"),
        (3, "label is a list, an object or bytes"),
        (5, "no text"),
    ]


def test_no_usable_record_is_an_error(tmp_path):
    complaint = (
        r"a\.csv has no record that can be used \(refused 2: no label, lines 2, 4\); put that right"
    )
    with pytest.raises(DataError, match=complaint):
        read_corpus(csv_of(tmp_path, "text,label\nx,\n,a\ny,\n"))
    with pytest.raises(DataError, match=r"^lists has no record that can be used; give at least"):
        corpus_from_lists([], [])


def test_a_single_label_is_an_error(tmp_path):
    complaint = r"a\.csv: every record has the label 'a'; at least two labels are needed"
    with pytest.raises(DataError, match=complaint):
        read_corpus(csv_of(tmp_path, "text,label\nx,a\ny,a\n"))
    complaint = (
        r"a\.csv: every record that can be used has the label 'a' \(refused 2: no label, lines "
        r"3, 5; refused 1: no text, line 4\); at least two labels are needed"
    )
    with pytest.raises(DataError, match=complaint):
        read_corpus(csv_of(tmp_path, "text,label\nx,a\nz,\n,b\nw,\n"))


# A folder per label


def test_a_folder_per_label(tmp_path):
    files = {
        "sports/2.txt": b"goal\r\n",
        "sports/1.TXT": "caf\u00e9 match".encode("cp1252"),
        "politics/a.txt": "vote é\n".encode(),
        "politics/readme.md": b"not a text",
        ".git/config": b"not a label",
        "top.txt": b"not in a label",
    }
    corpus = read_corpus(folder_of(tmp_path, files))
    assert corpus.labels == ["politics", "sports", "sports"]
    assert corpus.texts == ["vote é\n", "café match", "goal\r\n"]
    assert corpus.lines == [1, 2, 3]
    assert (corpus.text_column, corpus.label_column) == (".txt files", "sub-folders")
    assert "1 file without the ending .txt left out" in corpus.notes
    assert "1 file not UTF-8, read as cp1252" in corpus.notes


def test_files_that_cannot_be_used_are_refused_and_named(tmp_path):
    files = {
        "a/1.txt": b"fine",
        "a/2.txt": b"",
        "a/3.txt": b" \n",
        "a/4.txt": b"nul\0",
        "a/5.txt": b"PK\x03\x04",
        "b/1.txt": b"fine",
    }
    folder = folder_of(tmp_path, files)
    corpus = read_corpus(folder)
    assert corpus.lines == [1, 6]
    assert [refused.line for refused in corpus.refused] == [2, 3, 4, 5]
    reasons = [refused.reason for refused in corpus.refused]
    assert reasons[0].startswith(f"file that cannot be used: {folder / 'a' / '2.txt'} is empty")
    assert reasons[1:3] == ["no text", "a NUL character"]
    unusable = [str(folder / name) for name in ("a/2.txt", "a/5.txt")]
    told = next(line for line in corpus.summary() if line.startswith("refused 2"))
    assert told.startswith(f"refused 2: file that cannot be used, files {', '.join(unusable)} (")
    assert f"refused 1: no text, file {folder / 'a' / '3.txt'}" in corpus.summary()
    assert "is a zip or xlsx file" in reasons[3]


def test_of_a_text_with_labels_in_many_rows_the_first_ten_are_named(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"the same,{'ab'[row % 2]}\n" for row in range(30))
    path.write_text(f"text,label\n{rows}", "utf-8")
    lines = " and ".join(map(str, range(2, 12)))
    told = f"conflicts: 1 text under different labels, lines {lines} and 20 more"
    assert told in read_corpus(path).summary()


def test_a_folder_without_labels_is_an_error(tmp_path):
    with pytest.raises(DataError, match="has no sub-folders; give a folder with one per label"):
        read_corpus(folder_of(tmp_path, {"a.txt": b"text"}))


def test_a_folder_has_no_columns(tmp_path):
    with pytest.raises(DataError, match="is a folder, which has no columns; name none"):
        read_corpus(tmp_path, text_column="text")


# Lists


def test_lists_and_arrays():
    corpus = corpus_from_lists(np.array(["x", "y"]), [1, True])
    assert (corpus.texts, corpus.labels, corpus.lines) == (["x", "y"], ["1", "true"], [1, 2])
    assert corpus.source == "lists"
    corpus = corpus_from_lists(["x", None, "\0", "y", ["z"]], ["a", "a", "a", "b", "b"])
    assert [(refused.line, refused.reason) for refused in corpus.refused] == [
        (2, "no text"),
        (3, "a NUL character"),
        (5, "text is a list, an object or bytes"),
    ]


def test_lists_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="there are 2 texts and 1 labels; give one label per text"):
        corpus_from_lists(["x", "y"], ["a"])
    with pytest.raises(DataError, match=r"^labels is the single value 'ab'; give a list$"):
        corpus_from_lists(["x", "y"], "ab")


def test_a_folder_whose_name_is_no_text_is_no_label(tmp_path):
    for name in (b"a", b"b", b"St\xf6rung"):
        folder = os.fsencode(tmp_path) + b"/" + name
        os.mkdir(folder)
        with open(folder + b"/1.txt", "w") as file:
            file.write("some text")
    corpus = read_corpus(tmp_path)
    assert corpus.label_counts == {"a": 1, "b": 1}
    (refused,) = corpus.refused
    assert refused.reason == (
        "its folder 'St\ufffdrung' has a name that is not UTF-8; rename the folder"
    )


def test_what_a_folder_holds_besides_is_told(tmp_path):
    for name in ("a/1.txt", "b/1.txt", "b/deeper/2.txt", "b/3.md", "top.txt", "c/4.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("some text")
    corpus = read_corpus(tmp_path)
    assert corpus.label_counts == {"a": 1, "b": 1}
    assert corpus.notes[:4] == [
        "1 file beside the sub-folders left out",
        "1 folder inside the sub-folders left out",
        "2 files without the ending .txt left out",
        "sub-folders without a .txt file left out: 'c'",
    ]
    (tmp_path / "a" / "2.txt").mkdir()  # a folder, whatever its name
    os.mkfifo(tmp_path / "a" / "3.txt")  # reading it would wait for ever
    (tmp_path / "a" / "4.txt").symlink_to("nowhere")
    corpus = read_corpus(tmp_path)
    assert corpus.label_counts == {"a": 1, "b": 1}
    assert corpus.notes[1:4] == [
        "2 folders inside the sub-folders left out",
        "2 files without the ending .txt left out",
        "2 files of another kind (a pipe, a device, a link to nowhere) left out",
    ]
    (tmp_path / "b" / "deeper" / "2.txt").unlink()
    with pytest.raises(DataError, match=r"has no \.txt files in its sub-folders; give a folder"):
        read_corpus(tmp_path / "b")


# The account


def test_duplicates_conflicts_and_counts():
    texts = ["Where is it?", "where  is\nIT?", "x", "x", "x", "Straße", "STRASSE", "y"]
    labels = ["a", "b", "a", "a", "a", "b", "c", "a"]
    for letters in ("caf\u00e9", "cafe\u0301"):  # one letter, and a letter with its accent
        texts.append(letters)
        labels.append("a" if letters.isalpha() else "b")
    corpus = corpus_from_lists(texts, labels)
    assert corpus.n_duplicates == 2
    assert corpus.conflicts == [[1, 2], [6, 7], [9, 10]]
    assert corpus.label_counts == {"a": 6, "b": 3, "c": 1}
    assert list(corpus.label_counts) == ["a", "b", "c"]


def test_unusual_labels_are_noted():
    corpus = corpus_from_lists(["u", "v", "w", "x"], ["Billing", "billing", "other", "other"])
    assert corpus.notes == [
        "labels with a single record, which cannot be split for validation: 'Billing', 'billing'",
        "labels that differ only in case or white space: 'Billing' and 'billing'",
    ]


def test_labels_that_look_the_same_are_noted_by_how_they_are_written():
    labels = ["Größe", "Gro\u0308ße", "Größe", "Gro\u0308ße", "x", "x"]
    (note,) = corpus_from_lists(list("uvwxyz"), labels).notes
    assert note == (
        "labels that look the same and are written differently: "
        r"'Gro\u0308\xdfe' and 'Gr\xf6\xdfe'"
    )
    (note,) = corpus_from_lists(list("wxyz"), ["a", "a\u200b"] * 2).notes
    assert note.endswith(r"'a' and 'a\u200b'")


def test_labels_that_may_stand_for_none_are_noted():
    corpus = corpus_from_lists(list("abcdef"), ["NA", "NA", "none", "none", r"\N", r"\N"])
    assert corpus.notes == [
        "labels that many programs write for a missing one, and that are taken for labels here: "
        r"'NA' 2, '\\N' 2"
    ]


def test_one_label_is_counted_as_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nhello,a\n")
    assert "1 record under 1 label, text" in read_corpus(path, min_labels=1).summary()[0]


def test_a_label_that_reads_like_no_answer_is_noted():
    corpus = corpus_from_lists(list("abcd"), ["abstain", "abstain", "b", "b"])
    assert corpus.notes == [
        "a label is 'abstain', which also stands for no answer in the column decision"
    ]


def test_the_summary_tells_everything(tmp_path):
    rows = ["body;queue", "x;a", "x;a", "x;b", "y;b", *[";a"] * 12, "z;", "a;b;c", "é é;a"]
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(rows).encode("cp1252"))
    assert read_corpus(path).summary() == [
        f"{path}: 5 records under 2 labels, text from 'body', label from 'queue'",
        "labels: a (3), b (2)",
        "refused 12: no text, lines 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 2 more",
        "refused 1: more cells than columns, line 19 (3, not 2)",
        "refused 1: no label, line 18",
        "duplicates: 1 record with text and label again",
        "conflicts: 1 text under different labels, lines 2 and 3 and 4",
        "note: not UTF-8, read as cp1252",
        "note: the columns are divided by a semicolon",
        "note: column 'body' is taken for the text",
        "note: column 'queue' is taken for the label",
        "encoding: cp1252",
    ]


def test_the_summary_of_a_clean_corpus_is_short():
    corpus = Corpus(["x", "y"], ["a", "b"], [1, 2], "lists", "texts", "labels")
    assert corpus.summary() == [
        "lists: 2 records under 2 labels, text from 'texts', label from 'labels'",
        "labels: a (1), b (1)",
    ]


# Texts without labels


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_file_has_one_text_per_line(tmp_path, packed):
    content = " first é \r\n\nsecond\n \nnul\0\nlast".encode()
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_texts(str(path))
    assert found.texts == [" first é ", "second", "last"]
    assert found.refused == [Refused(5, "a NUL character")]
    assert found.notes == ["2 blank lines left out"]


def test_a_text_file_in_another_encoding_is_noted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("我的订单还没有到\n".encode("gb18030"))
    found = read_texts(path)
    assert (found.texts, found.notes) == (["我的订单还没有到"], ["not UTF-8, read as gb18030"])


def test_the_texts_of_a_table(tmp_path):
    path = csv_of(tmp_path, "id;text\n1;x\n2; \n3;y;z\n4;z\n")
    found = read_texts(path)
    assert found.texts == ["x", "z"]
    assert found.refused == [
        Refused(3, "no text"),
        Refused(4, "more cells than columns: 3, not 2"),
    ]
    assert found.notes == [
        "the columns are divided by a semicolon",
        "column 'text' is taken for the text",
    ]
    assert read_texts(path, text_column="id").texts == ["1", "2", "4"]


def test_the_texts_of_a_frame_and_of_parquet(tmp_path):
    pq.write_table(pa.table({"anything": ["x", None]}), tmp_path / "a.parquet")
    assert read_texts(tmp_path / "a.parquet").texts == ["x"]
    assert read_texts(pl.DataFrame({"anything": ["x", "y"]})).texts == ["x", "y"]


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_a_file_without_texts_is_an_error(tmp_path, name):
    path = csv_of(tmp_path, "\n \n" if name == "a.txt" else 'text\n" "\n', name)
    with pytest.raises(DataError, match="has no text that can be used"):
        read_texts(path)


def test_texts_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_texts(tmp_path / "a.txt")
    with pytest.raises(DataError, match="is a folder; give one file"):
        read_texts(tmp_path)


def test_one_label_is_enough_to_measure_on(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("text,label\nhello,a\nworld,a\n", "utf-8")
    assert read_corpus(path, min_labels=1).label_counts == {"a": 2}
    with pytest.raises(DataError, match="at least two labels"):
        read_corpus(path)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (['"first of all,a', "and then,b", 'said "so",a', "x,b"], None),
        (['"two lines', 'of one text",a', '"no, or', 'so",b'], None),
        (['"screen of 17"" size,a', "no screen,b", 'no mouse",a', "x,b"], 2),
        (['b,"no, not', 'this one"', "a,x", "b,y"], None),
        (['a,"screen', "b,no screen", 'b,none"', "a,x", "b,y"], 2),
    ],
)
def test_texts_that_have_swallowed_records_are_told(tmp_path, rows, told):
    path = tmp_path / "a.csv"
    header = "label,text" if rows[0][1] == "," else "text,label"
    path.write_text("\n".join([header, *rows]), "utf-8")
    found = [line for line in read_corpus(path, min_labels=1).summary() if "quote" in line]
    wanted = (
        f"quotes: 1 text of several lines, of which one begins or ends with a label as a record "
        f"does, line {told}; look whether a quote there is never closed"
    )
    assert [line for line in found if line.startswith("quotes")] == ([wanted] if told else [])


def test_texts_of_json_lines_cannot_have_swallowed_records(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "so,\\nno,b", "label": "a"}\n{"text": "x", "label": "b"}\n', "utf-8")
    corpus = read_corpus(path)
    assert corpus.texts[0] == "so,\nno,b"
    assert not any("quotes" in line for line in corpus.summary())
