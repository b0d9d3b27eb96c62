"""A folder with one sub-folder of text files per label -> rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from gatewise.base.errors import DataError
from gatewise.text.accounts import counted, shown, unusable
from gatewise.text.lines import open_text, plain_errors
from gatewise.text.rows import Row, cells_problem

__all__ = ["Record", "file_names", "file_record", "labelled_paths"]

# A row, its text and its label.
Record = tuple[Row, str | None, str | None]


def labelled_paths(folder: Path, notes: list[str]) -> Iterator[Path]:
    """Yield the .txt files of each sub-folder in the order of their names.

    Parameters
    ----------
    folder : Path
        Its sub-folders are the labels.
    notes : list of str
        Gets a sentence about each kind of thing that is left out.

    Yields
    ------
    Path

    Raises
    ------
    DataError
        If the folder cannot be read, or none of its sub-folders has a .txt file.
    """
    others: Counter[tuple[str, str]] = Counter()
    without: list[str] = []
    with plain_errors(str(folder)):
        entries = _visible(folder)
        labels = [path for path in entries if path.is_dir()]
        others["file", "beside the sub-folders"] = len(entries) - len(labels)
        for label in labels:
            paths = _visible(label)
            folders = [path for path in paths if path.is_dir()]
            files = [path for path in paths if path.is_file()]
            texts = [path for path in files if path.suffix.casefold() == ".txt"]
            without += [] if texts else [repr(label.name)]
            others["folder", "inside the sub-folders"] += len(folders)
            others["file", "without the ending .txt"] += len(files) - len(texts)
            # Reading a pipe or a device may take for ever.
            n_odd = len(paths) - len(files) - len(folders)
            others["file", "of another kind (a pipe, a device, a link to nowhere)"] += n_odd
            yield from texts
    if len(without) == len(labels):
        raise DataError(
            f"{folder} has no {'.txt files in its ' if labels else ''}sub-folders; give a folder "
            "with one per label and .txt files in it, or a file"
        )
    left = ((counted(n, noun), where) for (noun, where), n in others.items() if n)
    notes += (f"{count} {where} left out" for count, where in left)
    if without:
        notes.append(f"sub-folders without a .txt file left out: {shown(without)}")


def file_names(folder: Path, numbers: Sequence[int]) -> list[str]:
    """Name the files that stand for lines, as they lie in their folder.

    Parameters
    ----------
    folder : Path
        As for :func:`labelled_paths`.
    numbers : sequence of int
        Places among its files, from 1.

    Returns
    -------
    list of str
        Such as ``"complaint/17.txt"``.
    """
    paths = list(labelled_paths(folder, []))
    return [str(paths[number - 1].relative_to(folder)) for number in numbers]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def file_record(number: int, path: Path, file_notes: Counter[str]) -> Record:
    """Read a file as a text, labelled by its folder.

    Parameters
    ----------
    number : int
        Stands for the line.
    path : Path
        The file.
    file_notes : Counter of str
        Counts what there is to say of it, such as another encoding.

    Returns
    -------
    Record
        With the reason in its row if the file cannot be used.
    """
    label = path.parent.name
    try:
        file = open_text(path)
        text = "".join(file.lines())
    except DataError as error:
        return Row(number, {}, f"file that cannot be used: {error}"), None, label
    problem = cells_problem((text,), file.encoding) or unusable(text, "text") or _nameless(label)
    file_notes.update([file.note] if file.note else [])
    return Row(number, {}, problem), text, label


def _nameless(label: str) -> str | None:
    """Say what is wrong with a folder's name as a label; systems allow any bytes in it."""
    try:
        label.encode()
    except UnicodeEncodeError:
        name = label.encode(errors="surrogateescape").decode(errors="replace")
        return f"its folder {name!r} has a name that is not UTF-8; rename the folder"
    return None
