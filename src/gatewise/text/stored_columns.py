"""Columns of numbers and of strings in files, written in a stream and read where they lie."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["ColumnWriter", "StoredStrings", "StringWriter", "map_column"]

_NUMBERS_AT_A_TIME = 1 << 16
_STRINGS_AT_A_TIME = 4_096
_OFFSETS = ".offsets"  # added to the name of a file of strings


def map_column(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """Map a file of numbers into memory: only what is looked at is read."""
    if not path.stat().st_size:  # nothing cannot be mapped
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


class ColumnWriter:
    """Appends numbers to a file.

    Parameters
    ----------
    path : Path
        Written anew.
    dtype : numpy dtype
        Of the numbers.
    """

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        self._stream: IO[bytes] = path.open("wb")
        self._waiting: list[int] = []

    def append(self, number: int) -> None:
        """Add one number."""
        self._waiting.append(number)
        if len(self._waiting) >= _NUMBERS_AT_A_TIME:
            self.flush()

    def extend(self, numbers: Sequence[int]) -> None:
        """Add some numbers."""
        self._waiting.extend(numbers)
        if len(self._waiting) >= _NUMBERS_AT_A_TIME:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the file."""
        self._stream.write(np.array(self._waiting, dtype=self.dtype).tobytes())
        self._stream.flush()
        self._waiting.clear()

    def replace_numbers(self, table: NDArray[Any]) -> None:
        """Write ``table[number]`` instead of every number so far, in constant memory."""
        self.flush()
        if self._stream.tell():
            column = np.memmap(self.path, dtype=self.dtype, mode="r+")
            for start in range(0, len(column), _NUMBERS_AT_A_TIME):
                part = slice(start, start + _NUMBERS_AT_A_TIME)
                column[part] = table[column[part]]
            column.flush()

    def close(self) -> None:
        """Write what waits, and close the file."""
        with self._stream:
            self.flush()


class StringWriter:
    """Appends strings to a file, and where each begins to a second one.

    Parameters
    ----------
    path : Path
        Of the first; the second is named after it.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._offsets = ColumnWriter(path.with_name(path.name + _OFFSETS), np.int64)
        self._end = 0
        self._offsets.append(0)

    def append(self, string: str) -> None:
        """Add one string."""
        content = string.encode("utf-8", "surrogatepass")
        self._stream.write(content)
        self._end += len(content)
        self._offsets.append(self._end)

    def close(self) -> None:
        """Close both files."""
        with self._stream:
            self._offsets.close()


class StoredStrings(Sequence[str]):
    """Strings in a file; only those that are looked at are in memory.

    Parameters
    ----------
    path : Path
        What a :class:`StringWriter` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offsets: NDArray[np.int64] = map_column(
            path.with_name(path.name + _OFFSETS), np.int64
        )

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[number] for number in range(len(self))[row]]
        row = range(len(self))[int(row)]
        with self._opened() as descriptor:
            return self._read(descriptor, row, row + 1)[0]

    def __iter__(self) -> Iterator[str]:
        with self._opened() as descriptor:
            for start in range(0, len(self), _STRINGS_AT_A_TIME):
                yield from self._read(descriptor, start, min(len(self), start + _STRINGS_AT_A_TIME))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, begin: int, end: int) -> list[str]:
        # Read and not mapped: pages that are mapped count as the process's memory.
        offsets = self._offsets[begin : end + 1].tolist()
        os.lseek(descriptor, offsets[0], os.SEEK_SET)
        content = _read_whole(descriptor, offsets[-1] - offsets[0])
        return [
            content[start - offsets[0] : stop - offsets[0]].decode("utf-8", "surrogatepass")
            for start, stop in itertools.pairwise(offsets)
        ]


def _read_whole(descriptor: int, size: int) -> bytes:
    parts = []
    while size and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
