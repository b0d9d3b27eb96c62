"""Lines of csv, tsv or JSON -> a table."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from gatewise.base.errors import DataError
from gatewise.text.lines import MAX_RECORD, TextFile
from gatewise.text.rows import JsonScalar, JsonText, Row, Table, cells_problem, column_names

__all__ = ["delimited_table", "json_table", "text_table"]

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}
_NOT_IN_PROSE = ("\t", "|")
_SEPARATOR = re.compile(r'"?sep=([^\r\n"])"?[,;\t]*[\r\n]*', re.IGNORECASE)  # as Excel writes it
_QUOTE_AFTER_SPACE = re.compile(r'^ +"')
_LINE_END = re.compile(r"\r\n|\r|\n")
_N_LOOKED_AT = 1000  # JSON records, for the names of columns
_N_COMPARED = 20  # records, where the header has two delimiters


class _Form(NamedTuple):
    """How a delimited file is written."""

    delimiter: str
    n_before: int = 0  # lines before the header
    has_spaces: bool = False  # before its quotes


def text_table(text: TextFile) -> Table:
    """Recognise JSON lines or delimited text by the first line that is not blank."""
    first = next((line for line in text.peek() if not line.isspace()), "")
    return json_table(text) if first.lstrip().startswith("{") else delimited_table(text, ",")


def delimited_table(text: TextFile, expected: str) -> Table:
    """Open a csv or tsv file.

    A record with a quote in the wrong place is a problem row, and the lines that it swallowed
    are read anew.

    Parameters
    ----------
    text : TextFile
        The lines, the header among them. A cell may span several of them.
    expected : str
        The delimiter, unless the first line is ``sep=`` and another one, only another one divides
        the header, or the records fit another one.

    Returns
    -------
    Table
        Its rows, not yet read. Blank lines are none.

    Raises
    ------
    DataError
        If the header is broken; later, if a quote is never closed or a record is longer than
        `MAX_RECORD`.
    """
    form, header = _header(text, expected)
    columns = column_names(header, text.name)

    def read() -> Iterator[Row]:
        records = _records(text.name, text.lines(), form)
        for line, cells, problem in itertools.islice(records, 1, None):
            broken = problem or cells_problem(cells, text.encoding)
            yield _delimited_row(line, cells, columns, broken)

    notes = [text.note] if text.note else []
    if form.delimiter != expected:
        told = _DELIMITERS.get(form.delimiter, repr(form.delimiter))
        notes.append(f"the columns are divided by {told}")
    return Table(text.name, columns, text.encoding, tuple(notes), read)


def json_table(text: TextFile) -> Table:
    """Open a file with one JSON object per line.

    Numbers and truth values become their text as written, lists and objects a `JsonText`.

    Parameters
    ----------
    text : TextFile
        The lines; blank ones are left out.

    Returns
    -------
    Table
        Its rows, not yet read. A line that is no JSON object is a problem row.

    Raises
    ------
    DataError
        If none of the first lines is a JSON object.
    """
    columns = _json_columns(text)
    names: dict[str, str | None] = dict.fromkeys(columns)

    def read() -> Iterator[Row]:
        for row in _json_rows(text.lines(), text.encoding):
            if row.fields.keys() == names.keys():
                yield row
            else:
                yield Row(row.line, names | row.fields, row.problem)

    notes = (text.note,) if text.note else ()
    return Table(text.name, columns, text.encoding, notes, read)


def _header(text: TextFile, expected: str) -> tuple[_Form, list[str]]:
    """Read the header with the delimiter that divides it, the expected one first."""
    said = _SEPARATOR.fullmatch(next(text.peek(), ""))
    n_before = int(said is not None)
    form = _Form(said[1] if said else expected, n_before)
    line, header, problem = next(
        _records(text.name, text.peek(), form), (1 + n_before, [], "no column names")
    )
    if not said and (len(header) < 2 or (not text.reads_once and _is_in_doubt(text))):
        form = _Form(_fitting(text, expected))
        line, header, problem = next(_records(text.name, text.peek(), form), (line, [], problem))
    if not header:
        raise DataError(f"{text.name}:{line}: {problem}; the first line must name the columns")
    if any(map(_QUOTE_AFTER_SPACE.match, header)):
        form = form._replace(has_spaces=True)
        _, header, _ = next(_records(text.name, text.peek(), form))
    return form, header


def _is_in_doubt(text: TextFile) -> bool:
    """Tell whether the first line has several delimiters."""
    first = next((line for line in text.peek() if not line.isspace()), "")
    return sum(delimiter in first for delimiter in _DELIMITERS) > 1


def _fitting(text: TextFile, expected: str) -> str:
    """Choose the delimiter that divides the header, and the records after it alike, into most.

    If none does, the expected one where it divides the header, or that which divides it into most.
    """
    others = [delimiter for delimiter in _DELIMITERS if delimiter != expected]
    n_looked_at = 1 if text.reads_once else _N_COMPARED
    sizes = {one: _sizes(text, one, n_looked_at) for one in (expected, *others)}
    dividing = [one for one, (size, *_) in sizes.items() if size > 1]
    fitting = [one for one in dividing if len(sizes[one]) > 1 and len({*sizes[one]}) == 1]
    if not fitting and expected in dividing:
        return expected
    return max(fitting or dividing or [expected], key=lambda one: sizes[one][0])


def _sizes(text: TextFile, delimiter: str, n_records: int) -> list[int]:
    """Count the cells of the first records."""
    try:
        records = _records(text.name, text.peek(), _Form(delimiter))
        return [len(cells) for _, cells, _ in itertools.islice(records, n_records)] or [0]
    except DataError:  # a quote is never closed, with this one
        return [0]


def _records(
    name: str, lines: Iterator[str], form: _Form
) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield the line on which each record begins, its cells, and what is wrong with it."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
    delimiter, n_before, has_spaces = form
    counted = _CountedLines(name, itertools.islice(lines, n_before, None), n_before)
    reader = csv.reader(counted, delimiter=delimiter, skipinitialspace=has_spaces, strict=True)
    while True:
        counted.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if counted.is_at_end:
                raise _never_closed(counted, delimiter) from None
            problem = f"text after a closing quote: line {counted.number}"
            yield counted.begin, [], problem
            counted.read_anew()
        else:
            if len(counted.record) > 1 and _are_records(counted.record, cells, delimiter):
                yield counted.begin, [], f"a quote that is closed later: line {counted.number}"
                counted.read_anew()
            elif cells:
                yield counted.begin, cells, None


def _are_records(lines: list[str], cells: list[str], delimiter: str) -> bool:
    """Tell whether each line of a record would be one, and so a quote has swallowed them.

    Only of delimiters that do not stand in a cell by chance.
    """
    if len(cells) < 2 or delimiter not in _NOT_IN_PROSE:
        return False
    parts = [line.split(delimiter) for line in lines]
    return all(len(line) == len(cells) and all(map(str.strip, line)) for line in parts)


class _CountedLines:
    """Counts the lines that csv.reader takes, and keeps those of the record at hand."""

    def __init__(self, name: str, lines: Iterator[str], n_before: int) -> None:
        self.name = name
        self.number = n_before
        self.begin = 1
        self.record: list[str] = []
        self.is_at_end = False
        self._lines = lines
        self._again: deque[str] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.is_at_end = True
            raise StopIteration
        self.number += 1
        self.record.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise DataError(
                f"{self.name}:{self.begin}: the record is longer than {MAX_RECORD:,} characters, "
                "the most that one may have; look for a quote that is never closed"
            )
        return line

    def begin_record(self) -> None:
        self.begin = self.number + 1
        self.record.clear()
        self._size = 0

    def read_anew(self) -> None:
        """Give all lines of the record but its first again."""
        again = self.record[1:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)


def _never_closed(counted: _CountedLines, delimiter: str) -> DataError:
    *_, cell = next(csv.reader(counted.record, delimiter=delimiter))
    ends = _LINE_END.findall(cell)
    opened = counted.number - len(ends) + cell.endswith(("\r", "\n"))
    return DataError(
        f"{counted.name}:{opened}: the quote that opens here is never closed, so the rest of the "
        'file would be one cell; close it, or write a quote inside a cell as ""'
    )


def _delimited_row(
    line: int, cells: list[str], columns: tuple[str, ...], problem: str | None
) -> Row:
    fields: dict[str, str | None] = dict(zip(columns, cells, strict=False))
    if len(cells) < len(columns):
        fields |= dict.fromkeys(columns[len(cells) :])
    elif any(cells[len(columns) :]):
        problem = problem or f"more cells than columns: {len(cells)}, not {len(columns)}"
    return Row(line, fields, problem)


def _json_columns(text: TextFile) -> tuple[str, ...]:
    """Collect the keys of the first records; of a stream, which may be slow, of the first one."""
    n_wanted = 1 if text.reads_once else _N_LOOKED_AT
    rows = itertools.islice(_json_rows(text.peek(), text.encoding), _N_LOOKED_AT)
    first_problem: Row | None = None
    columns: dict[str, None] = {}
    for row in rows:
        if row.problem:
            first_problem = first_problem or row
            continue
        columns |= dict.fromkeys(row.fields)
        n_wanted -= 1
        if not n_wanted:
            break
    if columns:
        return tuple(columns)
    place = f"{text.name}:{first_problem.line}" if first_problem else text.name
    found = first_problem.problem if first_problem else "no keys"
    raise DataError(f"{place}: {found}; each line must be one JSON object, not part of a list")


def _json_rows(lines: Iterator[str], encoding: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.isspace():
            yield _json_row(number, line, encoding)


def _json_row(number: int, line: str, encoding: str) -> Row:
    if problem := cells_problem((line,), encoding):
        return Row(number, {}, problem)
    try:
        value = _DECODER.decode(line.rstrip())
        if not isinstance(value, dict):
            return Row(number, {}, "not a JSON object")
        fields = {key: _json_cell(cell) for key, cell in value.items()}
    except json.JSONDecodeError as error:
        return Row(number, {}, f"broken JSON: {error.msg} at column {error.colno}")
    except _DuplicateKeyError as error:
        return Row(number, {}, f"broken JSON: {error}")
    except RecursionError:
        return Row(number, {}, "broken JSON: nested too deeply")
    # Only an escape can bring in what the line itself has not.
    return Row(number, fields, cells_problem(fields.values()) if "\\" in line else None)


class _Number(str):
    """A number of a JSON line, as written."""

    __slots__ = ()


class _DuplicateKeyError(ValueError):
    """An object has a key twice, so one of the two values would be lost."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise _DuplicateKeyError("a key stands twice")
    return unique


_DECODER = json.JSONDecoder(
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_Number,
    object_pairs_hook=_unique_keys,
)


def _json_cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, _Number):
        return JsonScalar(value)
    if isinstance(value, str):
        return str(value)
    text = _as_json(value)
    return JsonScalar(text) if isinstance(value, bool) else JsonText(text)


def _as_json(value: Any) -> str:
    """Write a value again, numbers as they stood."""
    if isinstance(value, dict):
        pairs = (f"{_as_json(key)}: {_as_json(inner)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
