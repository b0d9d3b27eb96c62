"""Files -> what a fit learns from, with an account of what was left out."""

import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.training_data import class_weights, read_training_data

DATA = "msg,queue\nmy card,a\nmy money,b\nno label,\n"


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def data(write):
    return write("data.csv", DATA)


def test_labelled_texts_alone(data):
    read = read_training_data(data, text_column="msg", label_column="queue")
    assert read.corpus.texts == ["my card", "my money"]
    assert (read.validation, read.unlabelled, read.vectors, read.notes) == (None, [], None, [])
    assert any("refused 1: no label, line 4" in line for line in read.summary())


def test_a_validation_file(data, write):
    validation = write("validation.csv", "queue,msg\na,held out\nb,too\n,none\n")
    read = read_training_data(data, text_column="msg", label_column="queue", validation=validation)
    assert read.validation.texts == ["held out", "too"]
    assert any(line.startswith("validation: refused 1: no label") for line in read.summary())


def test_unlabelled_files_add_up_and_their_refused_are_told(data, write):
    lines = write("more.txt", "one\n\ntwo\n")
    table = write("more.csv", "msg,n\nthree,1\n,2\n" + ",3\n" * 11)
    read = read_training_data(
        data, text_column="msg", label_column="queue", unlabelled=[lines, table]
    )
    assert read.unlabelled == ["one", "two", "three"]
    told = read.summary()
    assert f"{lines}: 2 unlabelled texts" in told
    assert f"{lines}: 1 blank line left out" in told
    assert f"{table}: 12 refused (no text), line 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more" in told


def test_only_vectors_of_words_in_the_texts_are_kept(data, write):
    vectors = write("v.txt", "6 2\ncard 1 2\nzebra 3 4\nheld 5 6\nfurther 7 8\nmy 1 1\nmy 2 2\n")
    read = read_training_data(
        data,
        text_column="msg",
        label_column="queue",
        vectors=vectors,
        validation=write("validation.csv", "queue,msg\na,held out\nb,too\n"),
        unlabelled=[write("more.txt", "Further\n")],
    )
    assert set(read.vectors.words) == {"card", "held", "further", "my"}
    told = read.summary()
    assert any("repeat" in line for line in told)
    assert f"{vectors}: 4 of 7 words of the texts have a vector" in told


def test_the_language_decides_what_a_word_is(data, write):
    vectors = write("v.txt", "my-card 1 2\nmy 1 2\n")
    write("data.csv", "msg,queue\nmy-card,a\nmy money,b\n")
    read = read_training_data(data, vectors=vectors, language="pretokenized", text_column="msg")
    assert read.vectors.words == ("my-card", "my")


@pytest.mark.parametrize("name", ["validation", "vectors"])
def test_files_that_are_not_there(data, tmp_path, name):
    with pytest.raises(DataError, match=r"none\.txt|none\.csv"):
        read_training_data(
            data,
            text_column="msg",
            label_column="queue",
            **{name: tmp_path / ("none.csv" if name == "validation" else "none.txt")},
        )


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ([], None),
        (["balanced"], "balanced"),
        (["a=2"], {"a": 2.0}),
        (["a=0.5", "b=0"], {"a": 0.5, "b": 0.0}),
    ],
)
def test_class_weights(data, given, weights):
    corpus = read_training_data(data, text_column="msg", label_column="queue").corpus
    assert class_weights(given, corpus) == weights


def test_a_label_with_an_equals_sign(write):
    path = write("odd.csv", "text,label\nx,a=b\ny,c\n")
    assert class_weights(["a=b=3"], read_training_data(path).corpus) == {"a=b": 3.0}


@pytest.mark.parametrize("typed", ["a", "a=", "=1", "a=x", "a=-1", "a=inf", "a=nan", "z=1"])
def test_class_weights_that_are_none(data, typed):
    corpus = read_training_data(data, text_column="msg", label_column="queue").corpus
    with pytest.raises(ConfigError, match="class_weight"):
        class_weights([typed], corpus)


def test_balanced_stands_alone(data):
    corpus = read_training_data(data, text_column="msg", label_column="queue").corpus
    with pytest.raises(ConfigError, match="'balanced' alone"):
        class_weights(["balanced", "a=1"], corpus)
    with pytest.raises(ConfigError, match="class_weight names 'a' twice; give each label one"):
        class_weights(["a=1", "a=2"], corpus)
