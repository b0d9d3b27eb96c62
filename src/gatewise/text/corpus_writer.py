"""A table of labelled texts -> a folder of columns, in a stream and in bounded memory."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.files import json_bytes, sha256_file, write_json
from gatewise.base.progress import Progress
from gatewise.text.accounts import Refused, RefusedTally, folded_text
from gatewise.text.columns import ColumnChoice
from gatewise.text.corpus import record_problem
from gatewise.text.rows import Row, Table
from gatewise.text.stored_columns import ColumnWriter, StringWriter
from gatewise.text.token_table import LEFT_OUT

__all__ = ["COLUMNS", "FACTS", "TEXTS", "WORDS", "facts_checksum", "write_corpus"]

TEXTS, WORDS, FACTS = "texts", "words", "facts.json"
COLUMNS = {
    "tokens": np.int32,
    "token_offsets": np.int64,
    "labels": np.int32,
    "lines": np.int64,
    "text_keys": np.uint64,
    "record_keys": np.uint64,
}
_RECORDS_TOLD = 4_096
_ALWAYS_KEPT = 1 << 62  # more than any word is counted


def write_corpus(
    table: Table,
    chosen: ColumnChoice,
    folder: Path,
    tokenise: Callable[[str], list[str]],
    *,
    most_words: int,
    progress: Progress,
) -> None:
    """Read a table to its end and write what can be used.

    Parameters
    ----------
    table : Table
        Read once, row by row.
    chosen : ColumnChoice
        Its columns.
    folder : Path
        Empty.
    tokenise : callable
        Text -> tokens.
    most_words : int
        So many distinct tokens are counted at most. When there are more, the rarest so far are
        left out, as if they were unknown words.
    progress : Progress
        Told of the records.
    """
    writer = _Writer(folder, tokenise, most_words)
    progress.start("reading", None, "records")
    for number, row in enumerate(table.rows(), 1):
        writer.add(row, row.fields.get(chosen.text), row.fields.get(chosen.label))
        if not number % _RECORDS_TOLD:
            progress.advance(_RECORDS_TOLD)
    progress.advance(number % _RECORDS_TOLD)
    facts = writer.finish() | {"encoding": table.encoding, "notes": [*table.notes]}
    write_json(folder / FACTS, facts | {"checksum": facts_checksum(facts)})


def facts_checksum(facts: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of what ``facts.json`` holds: labels and counts have no other."""
    return hashlib.sha256(json_bytes(dict(facts))).hexdigest()


class _Writer:
    """Takes one record at a time."""

    def __init__(self, folder: Path, tokenise: Callable[[str], list[str]], most_words: int) -> None:
        self.folder, self.tokenise = folder, tokenise
        self.tally = RefusedTally()
        self.labels: dict[str, int] = {}
        self.texts = StringWriter(folder / TEXTS)
        self.columns = {name: ColumnWriter(folder / name, kind) for name, kind in COLUMNS.items()}
        self.words = _WordCount(most_words)
        self.n_tokens = 0
        self.columns["token_offsets"].append(0)

    def add(self, row: Row, text: str | None, label: str | None) -> None:
        """Write one record, or count why it cannot be used."""
        problem = record_problem(row, text, label, {})
        if problem or text is None or label is None:
            self.tally.add(Refused(row.line, problem or "no text"))
            return
        label, columns = label.strip(), self.columns
        self.texts.append(text)
        self._add_tokens(self.tokenise(text))
        columns["labels"].append(self.labels.setdefault(label, len(self.labels)))
        columns["lines"].append(row.line)
        columns["text_keys"].append(_key(folded_text(text)))
        columns["record_keys"].append(_key(f"{text}\0{label}"))

    def finish(self) -> dict[str, Any]:
        """Close all files, and tell what is not in them."""
        self.texts.close()
        for column in self.columns.values():
            column.close()
        words = StringWriter(self.folder / WORDS)
        for word in self.words.places:
            words.append(word)
        words.close()
        files = [path for path in sorted(self.folder.iterdir()) if path.name != FACTS]
        return {
            "labels": list(self.labels),
            "refused": {kind: asdict(one) for kind, one in self.tally.kinds.items()},
            "most_words": self.words.most_words,
            "n_words_left_out": self.words.n_left_out,
            "left_out_up_to": self.words.limit,
            "files": {path.name: sha256_file(path) for path in files},
        }

    def _add_tokens(self, tokens: list[str]) -> None:
        self.columns["tokens"].extend(self.words.count(tokens))
        self.n_tokens += len(tokens)
        self.columns["token_offsets"].append(self.n_tokens)
        if (table := self.words.shrink()) is not None:
            self.columns["tokens"].replace_numbers(table)


class _WordCount:
    """Numbers distinct tokens as they come, and forgets the rarest where they are too many.

    What Manku and Motwani (2002) call lossy counting: a word that is left out and stands again is
    counted from there on.
    """

    def __init__(self, most_words: int) -> None:
        self.most_words = most_words
        self.places: dict[str, int] = {}
        self.counts = array("q")
        self.n_left_out = 0
        self.limit = 0  # words that had stood so often at most were left out

    def count(self, tokens: list[str]) -> list[int]:
        """Give each token its number."""
        places, counts, found = self.places, self.counts, []
        for token in tokens:
            place = places.setdefault(token, len(counts))
            if place == len(counts):
                counts.append(0)
            counts[place] += 1
            found.append(place)
        return found

    def shrink(self) -> NDArray[np.int32] | None:
        """Leave out the rarest words if there are too many: old number -> new number."""
        if len(self.places) <= self.most_words:
            return None
        counts = np.array(self.counts)
        place = len(counts) - self.most_words // 2 - 1
        self.limit = max(self.limit, int(np.partition(counts, place)[place]))
        kept = counts > self.limit
        words = [word for word, one in zip(self.places, kept.tolist(), strict=True) if one]
        counts = counts[kept]
        self.n_left_out += int((~kept).sum())
        if LEFT_OUT not in self.places:
            words, counts = [LEFT_OUT, *words], np.append(_ALWAYS_KEPT, counts)
        self.places = {word: number for number, word in enumerate(words)}
        self.counts = array("q", counts.tolist())
        return np.where(kept, len(words) - kept.sum() + np.cumsum(kept) - 1, 0).astype(np.int32)


def _key(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
