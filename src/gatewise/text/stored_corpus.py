"""A large file -> a corpus whose texts, tokens and labels lie in files instead of in memory.

The file is read and cut into tokens once, in a stream. What comes of it is a folder of columns,
named after the content of the file and all that decides how it is read, so it can be used again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import DataError
from gatewise.base.files import atomic_folder, json_bytes, sha256_file
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.versions import package_versions
from gatewise.text import tokens as tokens_module
from gatewise.text.accounts import RefusedKind, RefusedTally, label_notes
from gatewise.text.columns import ColumnChoice, choose_columns
from gatewise.text.corpus import Corpus, check_corpus
from gatewise.text.corpus_writer import COLUMNS, FACTS, TEXTS, WORDS, facts_checksum, write_corpus
from gatewise.text.stored_columns import StoredStrings, map_column
from gatewise.text.tables import open_table
from gatewise.text.token_table import TokenTable
from gatewise.text.tokens import tokenize

__all__ = [
    "MOST_WORDS",
    "StoredCorpus",
    "StoredLabels",
    "StoredTexts",
    "remove_stored",
    "remove_unfinished",
    "store_corpus",
]

MOST_WORDS = 2_000_000  # distinct tokens that are counted
_FORMAT = 2
_LEFT_OVER_SECONDS = 3_600  # after which an unfinished folder belongs to nobody
_LEFT_OVER = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")


@dataclass(frozen=True, eq=False)
class StoredTexts(Sequence[str]):
    """N texts in a file, with their tokens.

    Attributes
    ----------
    strings : StoredStrings
        The texts.
    tokens : TokenTable
        The same, cut into tokens.
    language : str
        By which rules.
    """

    strings: StoredStrings
    tokens: TokenTable
    language: str

    def __len__(self) -> int:
        return len(self.strings)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        return self.strings[row]

    def __iter__(self) -> Iterator[str]:
        return iter(self.strings)


@dataclass(frozen=True, eq=False)
class StoredLabels(Sequence[str]):
    """The labels of N records as numbers.

    Attributes
    ----------
    names : tuple of str
        Each label once.
    numbers : ndarray of int32, shape (N,)
        Which of them each record has.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> StoredLabels: ...

    def __getitem__(self, row: int | slice) -> str | StoredLabels:
        if isinstance(row, slice):
            return StoredLabels(self.names, self.numbers[row])
        return self.names[int(self.numbers[row])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.names, dtype=dtype)[self.numbers]

    def classes(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Sort the labels: as an array, and for each record its place in there."""
        names, places = np.unique(np.array(self.names), return_inverse=True)
        return names, places.astype(np.int64)[self.numbers]


@dataclass(frozen=True)
class StoredCorpus(Corpus):
    """A corpus in files; what is counted in it is counted without its texts.

    Attributes
    ----------
    texts : StoredTexts
    labels : StoredLabels
    refused_tally : RefusedTally
        Instead of the list of refused records, which stays empty.
    text_keys : ndarray of uint64, shape (N,)
        A number for each text but for case and white space.
    record_keys : ndarray of uint64, shape (N,)
        A number for each text with its label.
    """

    texts: StoredTexts
    labels: StoredLabels
    refused_tally: RefusedTally = field(default_factory=RefusedTally)
    text_keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    record_keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))

    @property
    def tally(self) -> RefusedTally:
        """The refused records, counted by reason."""
        return self.refused_tally

    @property
    def n_duplicates(self) -> int:
        """How many records have a text and a label that both stood before."""
        return len(self.texts) - len(np.unique(self.record_keys))

    @property
    def label_counts(self) -> dict[str, int]:
        """Label -> number of records, sorted by label."""
        names, targets = self.labels.classes()
        counts = np.bincount(targets, minlength=len(names)).tolist()
        return dict(zip(names.tolist(), counts, strict=True))

    @property
    def conflicts(self) -> list[list[int]]:
        """The lines of each text under different labels; white space and case do not count."""
        order = np.argsort(self.text_keys, kind="stable")
        keys, numbers = self.text_keys[order], self.labels.numbers[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        differs = np.maximum.reduceat(numbers, starts) != np.minimum.reduceat(numbers, starts)
        ends = np.append(starts[1:], len(order))
        lines = np.asarray(self.lines)
        pairs = zip(starts[differs], ends[differs], strict=True)
        return sorted(lines[order[start:end]].tolist() for start, end in pairs)


def store_corpus(
    source: Path,
    cache: Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    min_labels: int = 2,
    language: str = "auto",
    most_words: int = MOST_WORDS,
    progress: Progress | None = None,
) -> StoredCorpus:
    """Read labelled texts into files, or use the files that an earlier run has left.

    Parameters
    ----------
    source : path
        What :func:`~gatewise.text.tables.open_table` takes: a file, no folder and no stream.
    cache : path
        A folder, made if it is not there. The files go into a folder of their own in it, which
        appears when it is complete.
    text_column, label_column, min_labels
        As for :func:`~gatewise.text.corpus.read_corpus`.
    language : str
        For the tokens.
    most_words : int
        So many distinct tokens are counted at most; the rarest are left out.
    progress : Progress, optional
        Told of the records.

    Returns
    -------
    StoredCorpus
        The same texts and labels as of :func:`~gatewise.text.corpus.read_corpus`.

    Raises
    ------
    DataError
        As by :func:`~gatewise.text.corpus.read_corpus`, or if the files cannot be written.
    """
    table = open_table(source)
    chosen = choose_columns(table.columns, text_column, label_column, table.source)
    stamp = _stamp(source)
    settings = {
        "format": _FORMAT,
        "source": sha256_file(source),
        "columns": [chosen.text, chosen.label],
        "language": language,
        "most_words": most_words,
        "tokens": _tokens_version(),
    }
    key = hashlib.sha256(json_bytes(settings)).hexdigest()
    folder = cache / f"{source.name.partition('.')[0] or 'texts'}-{key[:16]}"
    if is_there := _is_whole(folder):
        check_corpus(_opened(folder, table.source, chosen, language), min_labels)
    else:
        remove_unfinished(cache, older_than=_LEFT_OVER_SECONDS)
        tokenise = partial(tokenize, language=language)
        progress = progress or SilentProgress()
        with _one_sentence(source, cache), atomic_folder(folder) as new:
            write_corpus(table, chosen, new, tokenise, most_words=most_words, progress=progress)
            check_corpus(_opened(new, table.source, chosen, language), min_labels)
            if _stamp(source) != stamp:
                raise DataError(f"{source} was changed while it was read; start again")
    corpus = _opened(folder, table.source, chosen, language)
    corpus.notes.extend([*chosen.notes, *label_notes(corpus.label_counts)])
    how = "used again from" if is_there else "kept in"
    corpus.notes.append(f"texts and tokens are {how} {folder}, not in memory")
    return corpus


def remove_stored(cache: Path) -> None:
    """Remove all that was stored in a folder, and the folder if nothing else is in it."""
    if not cache.is_dir():
        return
    for path in cache.iterdir():
        if path.is_dir() and ((path / FACTS).is_file() or _LEFT_OVER.fullmatch(path.name)):
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # somebody else's files are in it
        cache.rmdir()


def remove_unfinished(cache: Path, *, older_than: float = 0.0) -> None:
    """Remove what killed runs have left in a folder.

    Parameters
    ----------
    cache : Path
        As of :func:`store_corpus`.
    older_than : float
        Seconds. What is younger may belong to a run that goes on, where there can be one.
    """
    if not cache.is_dir():
        return
    for path in cache.iterdir():
        is_old = time.time() - path.stat().st_mtime >= older_than
        if is_old and path.is_dir() and _LEFT_OVER.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _opened(folder: Path, source: str, chosen: ColumnChoice, language: str) -> StoredCorpus:
    facts = json.loads((folder / FACTS).read_bytes())
    columns = {name: map_column(folder / name, kind) for name, kind in COLUMNS.items()}
    words = list(StoredStrings(folder / WORDS))
    tokens = TokenTable(words, columns["tokens"], columns["token_offsets"])
    notes = list(facts["notes"])
    if n_left_out := facts["n_words_left_out"]:
        notes.append(
            f"more than {facts['most_words']:,} distinct words: {n_left_out:,} that stood "
            f"{facts['left_out_up_to']:,} times at most by then were left out"
        )
    return StoredCorpus(
        StoredTexts(StoredStrings(folder / TEXTS), tokens, language),
        StoredLabels(tuple(facts["labels"]), columns["labels"]),
        columns["lines"].data,
        source,
        chosen.text,
        chosen.label,
        notes=notes,
        encoding=facts["encoding"],
        refused_tally=RefusedTally(
            {kind: RefusedKind(**one) for kind, one in facts["refused"].items()}
        ),
        text_keys=columns["text_keys"],
        record_keys=columns["record_keys"],
    )


def _is_whole(folder: Path) -> bool:
    """Say whether a folder has all files, with the content they were written with."""
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        if facts.pop("checksum") != facts_checksum(facts):
            return False
        return all(sha256_file(folder / name) == sha for name, sha in facts["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _tokens_version() -> list[str]:
    """Name what tokens depend on besides the text: our rules, ICU's, Unicode's."""
    rules = sha256_file(Path(tokens_module.__file__))
    packages = package_versions()
    return [rules, packages["gatewise"], packages["icu4py"], unicodedata.unidata_version]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _one_sentence(source: Path, cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the tokens of {source} cannot be kept in {cache} ({error.strerror or error}); make "
            "room, or give another folder with --cache"
        ) from error
