"""Which column holds the text and which the label."""

import pytest

from gatewise.base.errors import DataError
from gatewise.text.columns import choose_columns, choose_text_column


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        (["text", "label"], "text", "label"),
        (["id", "Body", "QUEUE", "date"], "Body", "QUEUE"),
        (["标签", "内容"], "内容", "标签"),
        (["words", "category"], "words", "category"),
        (["kind", "message"], "message", "kind"),
    ],
)
def test_columns_are_guessed_when_there_is_one_way(columns, text, label):
    chosen = choose_columns(columns, None, None, "a.csv")
    assert (chosen.text, chosen.label) == (text, label)
    assert chosen.notes == (
        f"column {text!r} is taken for the text",
        f"column {label!r} is taken for the label",
    )


@pytest.mark.parametrize(
    "columns",
    [
        ["text", "body", "label"],
        ["text", "label", "category"],
        ["a", "b"],
        ["text", "body"],
        ["text", "kind", "date"],
    ],
)
def test_columns_are_not_guessed_when_there_are_several_ways(columns):
    with pytest.raises(DataError, match="--text COL --label COL") as caught:
        choose_columns(columns, None, None, "a.csv")
    assert all(repr(column) in str(caught.value) for column in columns)


def test_named_columns_are_taken_without_a_note():
    chosen = choose_columns(["text", "label", "a", "b"], "a", "b", "a.csv")
    assert (chosen.text, chosen.label, chosen.notes) == ("a", "b", ())


def test_one_named_column_helps_to_guess_the_other():
    chosen = choose_columns(["text", "body", "label"], "body", None, "a.csv")
    assert (chosen.text, chosen.label) == ("body", "label")
    assert chosen.notes == ("column 'label' is taken for the label",)
    chosen = choose_columns(["a", "b"], None, "a", "a.csv")
    assert (chosen.text, chosen.label) == ("b", "a")
    chosen = choose_columns(["text", "topic", "label"], "topic", None, "a.csv")
    assert (chosen.text, chosen.label) == ("topic", "label")


def test_one_column_cannot_be_both():
    with pytest.raises(DataError, match="'a' cannot be both text and label; name two columns"):
        choose_columns(["a", "b"], "a", "a", "a.csv")


@pytest.mark.parametrize(("name", "meant"), [("Text", "text"), ("lable", "label"), ("TXT", "text")])
def test_a_misspelt_name_gets_a_hint(name, meant):
    with pytest.raises(DataError, match=rf"has no column '{name}'.*did you mean '{meant}'\?"):
        choose_columns(["text", "label"], name, None, "a.csv")


def test_a_name_like_no_other_gets_the_list():
    complaint = (
        r"^a\.csv has no column 'xyz'; it has 'text', 'label': name one of them with --label"
    )
    with pytest.raises(DataError, match=complaint):
        choose_columns(["text", "label"], None, "xyz", "a.csv")


def test_long_lists_are_cut():
    with pytest.raises(DataError, match="'c29' and 70 more"):
        choose_columns([f"c{number}" for number in range(100)], "zzz", None, "a.csv")


@pytest.mark.parametrize(
    ("columns", "text"),
    [(["anything"], "anything"), (["id", "body"], "body"), (["words", "label"], "words")],
)
def test_the_column_of_unlabelled_texts_is_guessed(columns, text):
    note = f"column {text!r} is taken for the text"
    assert choose_text_column(columns, None, "a.csv") == (text, (note,))


def test_the_column_of_unlabelled_texts_can_be_named():
    assert choose_text_column(["a", "text"], "a", "a.csv") == ("a", ())
    with pytest.raises(DataError, match=r"did you mean 'text'\?"):
        choose_text_column(["a", "text"], "txt", "a.csv")


@pytest.mark.parametrize("columns", [["a", "b"], ["text", "body"], ["a", "b", "label"]])
def test_the_column_of_unlabelled_texts_is_not_guessed_among_several(columns):
    with pytest.raises(DataError, match=r"do not tell where the texts are; say it with --text COL"):
        choose_text_column(columns, None, "a.csv")


def test_a_title_above_the_names_is_named_as_the_cause():
    title = ["Report of the desk"]
    advice = "; if that is a title, delete all lines above the names$"
    with pytest.raises(DataError, match=advice):
        choose_columns(title, None, None, "a.csv")
    with pytest.raises(DataError, match=advice):
        choose_columns(title, "body", None, "a.csv")
    with pytest.raises(DataError, match=advice):
        choose_text_column(title, "body", "a.csv")
    with pytest.raises(DataError, match=r"name one of them with --text$"):
        choose_columns(["text_of_it"], "body", None, "a.csv")


def test_one_column_is_too_few():
    with pytest.raises(DataError, match=r"has the column 'text' alone; give a file with the texts"):
        choose_columns(["text"], None, None, "a.csv")
