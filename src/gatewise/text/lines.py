"""A file, or standard input -> its lines of text, in constant memory."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol, cast

from gatewise.base.errors import DataError
from gatewise.text.encodings import SAMPLE_SIZE, detect_encoding, encoding_note, has_mark

__all__ = ["MAX_RECORD", "STANDARD_INPUT", "TextFile", "open_text", "plain_errors", "reason_of"]

MAX_RECORD = 64 * 1024 * 1024  # characters; one record, however many lines it spans
STANDARD_INPUT = "standard input"

_MAX_REASON = 200  # characters of a message that is not ours
_GZIP = b"\x1f\x8b"


class _Stream(Protocol):
    """What has no end that could be waited for: a pipe, the keyboard."""

    def read1(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class TextFile:
    """A file, or standard input, as lines of text.

    Attributes
    ----------
    name : str
        What messages call it.
    encoding : str
        The name of its encoding, for example ``"utf-8"``.
    note : str or None
        What the user should know of the encoding.
    reads_once : bool
        True of standard input and pipes.
    """

    def __init__(
        self, name: str, sample: bytes, open_bytes: Callable[[], IO[bytes]], *, reads_once: bool
    ) -> None:
        self.name = name
        self.encoding = detect_encoding(sample, name)
        self.note = encoding_note(sample, self.encoding)
        self.reads_once = reads_once
        self._open_bytes = open_bytes
        self._once = self._read() if reads_once else None
        self._peeked: list[str] = []
        self._is_spent = False

    def peek(self) -> Iterator[str]:
        """Read lines from the first on; `lines` and `peek` will give them again."""
        if self._once is None:
            yield from self._read()
            return
        yield from tuple(self._peeked)
        for line in self._once:
            self._peeked.append(line)
            yield line

    def lines(self) -> Iterator[str]:
        r"""Read line by line, each with its own line end (``\n``, ``\r`` or ``\r\n``).

        Bytes that are no text in this encoding come as lone surrogates.

        Raises
        ------
        DataError
            If the file cannot be read to its end, a line is longer than `MAX_RECORD`, or it is
            standard input and was read before.
        """
        if self._once is None:
            yield from self._read()
            return
        if self._is_spent:
            raise DataError(f"{self.name} can be read only once; save it as a file first")
        self._is_spent = True
        yield from self._peeked
        self._peeked.clear()
        yield from self._once

    def _read(self) -> Iterator[str]:
        # Surrogateescape knows single bytes, not the units of utf-16.
        is_wide = self.encoding.startswith(("utf-16", "utf-32"))
        errors = "surrogatepass" if is_wide else "surrogateescape"
        with plain_errors(self.name), self._open_bytes() as stream:
            text = io.TextIOWrapper(stream, encoding=self.encoding, errors=errors, newline="")
            line = text.readline(MAX_RECORD + 1).removeprefix("\ufeff")
            number = 1
            while line:
                if len(line) > MAX_RECORD:
                    raise DataError(
                        f"{self.name}:{number}: the line is longer than {MAX_RECORD:,} characters, "
                        "the most that a record may have; split it or leave it out"
                    )
                yield line
                line = text.readline(MAX_RECORD + 1)
                number += 1


def open_text(path: Path | None) -> TextFile:
    """Open a file, plain or gzipped, whatever its encoding.

    Parameters
    ----------
    path : Path or None
        The file; None: standard input. That, and a pipe with a name, is read once, and its
        encoding is judged by the lines that arrive first.

    Returns
    -------
    TextFile
        Its lines, not yet read.

    Raises
    ------
    DataError
        If it is empty, not text, or cannot be read.
    """
    name = STANDARD_INPUT if path is None else str(path)
    with plain_errors(name):
        is_file = path is not None and path.is_file()
        if path is None:
            sample, opener = _open_stream(cast("_Stream", sys.stdin.buffer), keep_open=True)
        elif is_file:
            opener = _opener(path)
            with opener() as stream:
                sample = _telling_sample(stream)
        else:
            sample, opener = _open_stream(cast("_Stream", path.open("rb")), keep_open=False)
    if not sample:
        raise DataError(f"{name} is empty; it must hold at least one record")
    return TextFile(name, sample, opener, reads_once=not is_file)


@contextlib.contextmanager
def plain_errors(name: str) -> Iterator[None]:
    """Turn what the system says of a file that cannot be read into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"there is no file {name!r}; check the path") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        said = reason_of(error)
        raise DataError(f"{name} is cut short or damaged ({said}); copy it again") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} ends inside a character; copy it again") from error
    except OSError as error:  # pyarrow raises it too, for what is no parquet file
        said = error.strerror or reason_of(error)
        raise DataError(f"{name} cannot be read ({said}); check it and its permissions") from error


def reason_of(error: Exception) -> str:
    """Get what a library says of an error, fit for brackets in a sentence."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return said if len(said) <= _MAX_REASON else f"{said[:_MAX_REASON]} ..."


class _Rejoined(io.RawIOBase):
    """The bytes that were looked at, then the rest of the stream."""

    def __init__(self, head: bytes, stream: _Stream, *, keep_open: bool) -> None:
        self._head = head
        self._stream = stream
        self._keep_open = keep_open

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Read1 gives what is there, without waiting for more.
        chunk = self._head[: len(buffer)] or self._stream.read1(len(buffer))
        self._head = self._head[len(chunk) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self._keep_open:
            self._stream.close()
        super().close()


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    with path.open("rb") as stream:
        is_packed = stream.read(len(_GZIP)) == _GZIP
    if is_packed:
        return lambda: cast("IO[bytes]", gzip.open(path, "rb"))
    return lambda: path.open("rb")


def _open_stream(stream: _Stream, *, keep_open: bool) -> tuple[bytes, Callable[[], IO[bytes]]]:
    head = _first_lines(stream)
    rejoined = io.BufferedReader(_Rejoined(head, stream, keep_open=keep_open))
    if head.startswith(_GZIP):
        unpacked = cast("_Stream", gzip.GzipFile(fileobj=rejoined))
        head = _first_lines(unpacked)
        rejoined = io.BufferedReader(_Rejoined(head, unpacked, keep_open=False))
    return head, lambda: rejoined


def _first_lines(stream: _Stream) -> bytes:
    """Whole lines, as many as arrive together, so that a slow writer is not waited for."""
    head = b""
    while len(head) < SAMPLE_SIZE and not head.endswith((b"\n", b"\r")):
        chunk = stream.read1(SAMPLE_SIZE)
        if not chunk:
            break
        head += chunk
    return head


def _telling_sample(stream: IO[bytes]) -> bytes:
    """Read on to the first bytes that are not UTF-8: what stands around them, or else the head."""
    head = chunk = stream.read(SAMPLE_SIZE)
    if has_mark(head):
        return head
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = b""
    while chunk:
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return before[before.rfind(b"\n") + 1 :] + chunk + stream.read(SAMPLE_SIZE)
        before, chunk = chunk, stream.read(SAMPLE_SIZE)
    is_cut = bool(decoder.getstate()[0])
    return before if is_cut else head
