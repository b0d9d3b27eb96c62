"""The names of a table's columns -> which holds the text and which the label."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.base.errors import DataError

__all__ = ["TEXT_OPTION", "ColumnChoice", "check_columns", "choose_columns", "choose_text_column"]

TEXT_OPTION = "--text COL (text_column=)"

_TEXT_NAMES = (
    "text texts body message content sentence question query review ticket comment document "
    "utterance description 文本 内容 正文 评论 句子"
)
_LABEL_NAMES = "label labels class category queue intent target topic sentiment 标签 类别 分类"
_N_LISTED = 30


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """The columns to read, and what was guessed in choosing them."""

    text: str
    label: str
    notes: tuple[str, ...]


def choose_columns(
    columns: Sequence[str], text_column: str | None, label_column: str | None, source: str
) -> ColumnChoice:
    """Choose the columns of a labelled table; guess only if there is one way to.

    Parameters
    ----------
    columns : sequence of str
        Those there are.
    text_column, label_column : str or None
        Those the user named; None: guess by the name, or take the other one of two.
    source : str
        What messages call the table.

    Returns
    -------
    ColumnChoice
        Two different columns.

    Raises
    ------
    DataError
        If a named column is not there, both are the same, or one cannot be guessed.
    """
    text = _named(columns, text_column, source, "--text") or _recognised(
        columns, _TEXT_NAMES, label_column
    )
    label = _named(columns, label_column, source, "--label") or _recognised(
        columns, _LABEL_NAMES, text_column
    )
    text = text or _other_of_two(columns, label)
    label = label or _other_of_two(columns, text)
    if len(columns) == 1:
        raise DataError(
            f"{source} has the column {_listed(columns)} alone; give a file with the texts in one "
            f"column and their labels in another{_if_a_title(columns)}"
        )
    if text is None or label is None:
        raise DataError(
            f"{source} has the columns {_listed(columns)}, which do not tell where the texts and "
            "the labels are; say it with --text COL --label COL (text_column=, label_column=)"
            f"{_if_a_title(columns)}"
        )
    if text == label:
        raise DataError(f"{source}: {text!r} cannot be both text and label; name two columns")
    notes = [f"column {text!r} is taken for the text"] if text_column is None else []
    notes += [f"column {label!r} is taken for the label"] if label_column is None else []
    return ColumnChoice(text, label, tuple(notes))


def choose_text_column(
    columns: Sequence[str], text_column: str | None, source: str, option: str = TEXT_OPTION
) -> tuple[str, tuple[str, ...]]:
    """Choose the column of texts without labels, and say what was guessed.

    Parameters
    ----------
    columns : sequence of str
        All there are.
    text_column : str or None
        The one that was named.
    source : str
        Where they are, for errors.
    option : str
        How one is named, for errors.

    Returns
    -------
    str
        The column.
    tuple of str
        What was guessed.

    Raises
    ------
    DataError
        If the named column is not there, or it cannot be guessed.
    """
    if text_column is not None:
        return _named(columns, text_column, source, option) or text_column, ()
    only = columns[0] if len(columns) == 1 else None
    by_name = _recognised(columns, _TEXT_NAMES, None)
    by_label = _other_of_two(columns, _recognised(columns, _LABEL_NAMES, None))
    guessed = only or by_name or by_label
    if guessed is None:
        raise DataError(
            f"{source} has the columns {_listed(columns)}, which do not tell where the texts are; "
            f"say it with {option}{_if_a_title(columns)}"
        )
    return guessed, (f"column {guessed!r} is taken for the text",)


def check_columns(columns: Sequence[str], names: Sequence[str], source: str) -> None:
    """Check that further columns are there.

    Raises
    ------
    DataError
        If one is not.
    """
    for name in names:
        _named(columns, name, source, "its option")


def _named(columns: Sequence[str], name: str | None, source: str, option: str) -> str | None:
    if name is None or name in columns:
        return name
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean {folded[close[0]]!r}?" if close else f"name one of them with {option}"
    hint += _if_a_title(columns)
    raise DataError(f"{source} has no column {name!r}; it has {_listed(columns)}: {hint}")


def _if_a_title(columns: Sequence[str]) -> str:
    """Say what to do where the first line seems to be a title: it names one column, in words."""
    is_title = len(columns) == 1 and " " in columns[0]
    return "; if that is a title, delete all lines above the names" if is_title else ""


def _recognised(columns: Sequence[str], names: str, taken: str | None) -> str | None:
    """Find the only column with a telling name that is not taken for something else."""
    found = [column for column in columns if column.casefold() in names.split() and column != taken]
    return found[0] if len(found) == 1 else None


def _other_of_two(columns: Sequence[str], column: str | None) -> str | None:
    if column is None or len(columns) != 2:
        return None
    return columns[1] if column == columns[0] else columns[0]


def _listed(columns: Sequence[str]) -> str:
    names = ", ".join(map(repr, columns[:_N_LISTED]))
    n_more = len(columns) - _N_LISTED
    return f"{names} and {n_more} more" if n_more > 0 else names
