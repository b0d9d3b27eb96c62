"""Batches of every kind come back as the same kind with the answers behind."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatewise import BatchPredictor, load_predictor
from gatewise.base.errors import ConfigError, DataError, ModelFileError
from gatewise.store.archive import save

OWN = ("predicted", "probability", "in_scope", "decision", "reason")


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    save(fitted("modern"), path)
    return path


@pytest.fixture(scope="module")
def texts(make_tickets):
    return [*make_tickets(20, seed=3)[0], None, "...", ""]


@pytest.fixture(scope="module")
def expected(folder, texts):
    """Answers, as lists, from the model itself."""
    reading = load_predictor(folder).read(texts[:-3])
    labels = load_predictor(folder).classes[reading.parts.blend.argmax(axis=1)]
    return {
        "predicted": [*labels, None, None, None],
        "probability": [*np.exp(reading.parts.blend.max(axis=1)), None, None, None],
        "reason": [*[None] * 20, "no text", "no word or number in the text", "no text"],
    }


@pytest.fixture
def predict(folder):
    # As it is when it has been sent to another process.
    return pickle.loads(pickle.dumps(BatchPredictor(folder, "text")))


def check(columns, expected):
    assert columns["predicted"] == expected["predicted"]
    assert columns["reason"] == expected["reason"]
    some = columns["probability"][:20]
    assert some == pytest.approx(expected["probability"][:20], abs=1e-5)
    assert columns["decision"][20:] == ["abstain"] * 3


def test_a_mapping_of_arrays(predict, texts, expected):
    batch = {"id": np.arange(23), "text": np.array(texts, dtype=object)}
    found = predict(batch)
    assert list(found) == ["id", "text", *OWN]
    assert found["id"] is batch["id"]
    check({name: found[name].tolist() for name in OWN}, expected)
    assert np.isnan(found["probability"][20:]).all()


def test_a_frame_of_pandas(predict, texts, expected):
    frame = pd.DataFrame({"id": range(23), "text": texts}, index=range(50, 73))
    found = predict(frame)
    assert list(found.columns) == ["id", "text", *OWN]
    assert found.index.equals(frame.index)
    assert found[["id", "text"]].equals(frame)
    check(
        {
            name: found[name].astype(object).where(found[name].notna(), None).tolist()
            for name in OWN
        },
        expected,
    )


@pytest.mark.parametrize("form", [list, lambda table: table.to_batches()])
def test_a_table_or_record_batch_of_pyarrow(predict, texts, expected, form):
    table = pa.table({"id": range(23), "text": texts})
    given = table if form is list else table.to_batches()[0]
    found = predict(given)
    assert isinstance(found, pa.Table)
    assert found.column_names == ["id", "text", *OWN]
    check(found.to_pydict(), expected)


def test_frames_in_frames_out_one_at_a_time(predict, texts):
    """What Spark's mapInPandas and Dask ask of a function."""
    taken = []

    def frames():
        for start in (0, 10, 20):
            taken.append(start)
            yield pd.DataFrame({"text": texts[start : start + 10]})

    found = predict(frames())
    assert isinstance(found, Iterator)
    assert taken == []
    assert len(next(found)) == 10
    assert taken == [0]
    assert [len(frame) for frame in found] == [10, 3]


def test_types_are_the_same_for_no_rows(predict, texts):
    frame = pd.DataFrame({"text": pd.array(texts, dtype="str")})
    assert predict(frame[:0]).dtypes.equals(predict(frame).dtypes)
    assert predict(frame[:0]).dtypes.equals(predict(frame[20:]).dtypes)


def test_columns_with_their_names_are_renamed(predict):
    batch = {"text": ["a"], "predicted": [1]}
    names = ["text", "input_predicted", *OWN]
    assert list(predict(batch)) == names
    assert list(predict(pd.DataFrame(batch))) == names
    assert predict(pa.table(batch)).column_names == names


def test_what_spark_calls_the_columns(folder):
    predict = BatchPredictor(folder, top=2)
    assert predict.spark_columns == (
        "predicted string, probability double, in_scope double, decision string, "
        "top_2 string, top_2_probability double, reason string"
    )
    assert predict.columns == tuple(part.split()[0] for part in predict.spark_columns.split(", "))


def test_the_text_column_is_guessed_if_there_is_only_one_way(folder):
    predict = BatchPredictor(folder)
    assert list(predict({"id": [1], "text": ["a"]}))[:2] == ["id", "text"]
    told = r"^the batch has the columns 'a', 'b', which do not tell .+; say it with text_column=$"
    with pytest.raises(DataError, match=told):
        predict({"a": ["x"], "b": ["y"]})
    with pytest.raises(DataError, match=r"^the batch has no column 'txt'"):
        BatchPredictor(folder, "txt")({"text": ["a"]})


@pytest.mark.parametrize("name", ["text", "predicted"])
def test_a_name_that_stands_twice(predict, name):
    names = [name, name, "text"][: 2 if name == "text" else 3]
    columns = [["a card"] for _ in names]
    told = rf"^the batch has 2 columns '{name}'; rename all but one"
    with pytest.raises(DataError, match=told):
        predict(pa.table(columns, names=names))
    with pytest.raises(DataError, match=told):
        predict(pd.DataFrame([["a card"] * len(names)], columns=names))


def test_names_that_are_no_text(folder):
    frame = pd.DataFrame([["a card", 1]], columns=["text", 0])
    assert list(BatchPredictor(folder)(frame).columns) == ["text", 0, *OWN]
    levels = pd.MultiIndex.from_tuples([("text", "a"), ("text", "b")])
    with pytest.raises(DataError, match=r"^the batch has no column 'text'"):
        BatchPredictor(folder, "text")(pd.DataFrame([["a", "b"]], columns=levels))


def test_a_relative_path_is_that_of_the_caller(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    predict = BatchPredictor("model")
    monkeypatch.chdir(os.sep)
    assert len(predict({"text": ["a"]})["decision"]) == 1


@pytest.mark.parametrize("batch", [pd.Series(["a"]), 7, "text", b"text"])
def test_what_is_no_batch(predict, batch):
    with pytest.raises(DataError, match=r"^a batch cannot be a \w+; allowed are"):
        predict(batch)


def test_nothing_is_read_before_it_is_asked(tmp_path):
    predict = BatchPredictor(tmp_path / "nowhere", "text")
    with pytest.raises(ModelFileError, match=r"has to see the model's folder under this path$"):
        predict({"text": ["a"]})


def test_more_classes_than_there_are(folder):
    with pytest.raises(ConfigError, match="top"):
        BatchPredictor(folder, top=9)({"text": ["a"]})
