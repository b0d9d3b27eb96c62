"""Atomic writes and checksums: the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "atomic_folder",
    "atomic_open",
    "json_bytes",
    "remove_abandoned",
    "remove_left_overs",
    "sha256_file",
    "write_bytes",
    "write_json",
]

_CHUNK = 1 << 20
_YOUNG = 10.0  # seconds: a file that its writer may not have locked yet
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def json_bytes(value: Any) -> bytes:
    """Encode as UTF-8 JSON with sorted keys, so that equal values give equal bytes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    return (text + "\n").encode("utf-8")


def sha256_file(path: Path) -> str:
    """Compute the SHA-256 of a file in constant memory, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content atomically."""
    with atomic_open(path, "wb") as stream:
        stream.write(content)


def write_json(path: Path, value: Any) -> None:
    """Replace a file by a JSON value atomically."""
    write_bytes(path, json_bytes(value))


@contextlib.contextmanager
def atomic_open(path: Path, mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """Open a file that appears under its name only when it is complete and on disk.

    Parameters
    ----------
    path : Path
        The final name. Its folder must exist. Of a link, the file that it leads to is replaced.
        A pipe or device cannot be: it is written to at once.
    mode : str
        ``"w"`` or ``"wb"``.
    **options
        Passed on to :func:`open`, for example ``newline=""``.

    Raises
    ------
    ValueError
        If the mode is another.

    Yields
    ------
    file object
        The temporary file in the same folder; it is removed if the block raises.
    """
    if mode == "w":
        options.setdefault("encoding", "utf-8")
    if mode not in ("w", "wb"):
        raise ValueError(f"mode is {mode!r}; it must be 'w' or 'wb'")
    if path.exists() and not (path.is_file() or path.is_dir()):
        with open(path, mode, **options) as stream:
            yield stream
        return
    path = path.resolve() if path.is_symlink() else path
    temporary = _temporary_beside(path)
    with contextlib.ExitStack() as locked:
        try:
            with open(temporary, mode, **options) as stream:
                _lock(stream, locked)
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if path.exists():
                shutil.copymode(path, temporary)
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            if error.errno and error.filename is None:  # a full disk does not say which file
                error.filename = str(path)
            raise
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears under its name, whole, when the block ends.

    An existing folder of that name is replaced: in one step where the system can swap two
    names (Linux), else by two renames with the old folder kept beside until the new one stands.

    Yields
    ------
    Path
        The temporary folder to fill; it is removed if the block raises.

    Raises
    ------
    NotADirectoryError
        If something else stands under that name.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise NotADirectoryError(errno.ENOTDIR, "is not a folder", str(path))
    temporary = _temporary_beside(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for item in sorted(temporary.rglob("*")):
            _sync_folder(item) if item.is_dir() else _sync_path(item)
        _sync_folder(temporary)
        _put_in_place(temporary, path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_left_overs(path: Path) -> None:
    """Remove what writers of a file or folder that were killed have left beside it.

    Only for the one who alone may write it: a writer that is at work would lose its file.
    """
    for other in _temporaries_beside(path):
        if other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
        else:
            other.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Remove the temporary files of a file's writers that were killed, and of those alone.

    A writer that is at work holds a lock on its own. Where the system knows no such locks, and in
    a folder that cannot be read, all stay.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for other in _temporaries_beside(path.resolve() if path.is_symlink() else path):
            if time.time() - other.stat().st_mtime < _YOUNG or other.is_dir():
                continue
            with other.open("rb") as stream, contextlib.suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                other.unlink(missing_ok=True)


def _lock(stream: IO[Any], until: contextlib.ExitStack) -> None:
    """Say that somebody is at work on a file, also after it is closed and not yet in its place.

    The system forgets it when the process ends.
    """
    if fcntl is not None:
        descriptor = os.dup(stream.fileno())
        until.callback(os.close, descriptor)
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _temporaries_beside(path: Path) -> list[Path]:
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.tmp")
    found = [other for other in path.parent.iterdir() if pattern.fullmatch(other.name)]
    return [other for other in found if not other.is_symlink()]


def _put_in_place(temporary: Path, path: Path) -> None:
    if not path.exists():
        os.rename(temporary, path)
    elif not _exchange(temporary, path):
        aside = _temporary_beside(path)
        os.rename(path, aside)
        try:
            os.rename(temporary, path)
        except OSError:
            os.rename(aside, path)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    names = os.fsencode(first), os.fsencode(second)
    code = renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return bool(code == 0)


def _temporary_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def _sync_path(path: Path) -> None:
    # Windows syncs only what is open for writing, and opens no folder at all.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    if os.name == "posix":
        _sync_path(path)
