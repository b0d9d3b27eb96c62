"""Accounts of what was read: the records that cannot be used, and labels that look odd."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gatewise.text.rows import JsonText

__all__ = [
    "ABSTAIN",
    "Refused",
    "RefusedKind",
    "RefusedTally",
    "counted",
    "folded_text",
    "label_notes",
    "most_refused",
    "quote_notes",
    "refusals",
    "shown",
    "unusable",
]

_N_SHOWN = 10
_CELL_END = re.compile(r"[,;\t|]")
# What pandas, R, Excel and databases write where there is nothing; as a word, None is a label.
ABSTAIN = "abstain"  # stands where a label would, for a text that has no answer
_MISSING = frozenset(
    ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "\\N", "#N/A", "#REF!"]
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be used.

    Attributes
    ----------
    line : int
        Its line in the file, as in :class:`~gatewise.text.rows.Row`.
    reason : str
        What is wrong, then ``": "`` and what differs from record to record.
    file : str
        Its file, where each record has one.
    """

    line: int
    reason: str
    file: str = ""


@dataclass(slots=True)
class RefusedKind:
    """Records refused for one reason.

    Attributes
    ----------
    count : int
        How many.
    lines : list of int or str
        The first ten lines, or files where each record has one.
    detail : str
        What differs from record to record, of the first.
    """

    count: int
    lines: list[int | str]
    detail: str


@dataclass(slots=True)
class RefusedTally:
    """Counts refused records by reason, in constant memory.

    Attributes
    ----------
    kinds : dict of str to RefusedKind
        What is wrong -> how often, and where first.
    """

    kinds: dict[str, RefusedKind] = field(default_factory=dict)

    @classmethod
    def of(cls, refused: Iterable[Refused]) -> RefusedTally:
        """Count refused records."""
        tally = cls()
        for one in refused:
            tally.add(one)
        return tally

    def add(self, refused: Refused) -> None:
        """Count one."""
        kind, _, detail = refused.reason.partition(": ")
        one = self.kinds.setdefault(kind, RefusedKind(0, [], detail))
        one.count += 1
        if len(one.lines) < _N_SHOWN:
            one.lines.append(refused.file or refused.line)

    @property
    def counts(self) -> dict[str, int]:
        """Reason -> how many records."""
        return {kind: one.count for kind, one in self.kinds.items()}


def unusable(cell: str | None, kind: str) -> str | None:
    """Say why a cell is no text or label; None if it is one."""
    if isinstance(cell, JsonText):
        return f"{kind} is a list, an object or bytes"
    return f"no {kind}" if cell is None or not cell or cell.isspace() else None


def label_notes(counts: dict[str, int], *, to_learn: bool = True) -> Iterator[str]:
    """Tell of labels that are odd.

    Those that stand once, if they are to be learnt, that differ in little from each other, and
    that many programs write for a missing one.
    """
    alone = [repr(label) for label, count in counts.items() if to_learn and count == 1]
    if alone:
        yield f"labels with a single record, which cannot be split for validation: {shown(alone)}"
    if alike := [" and ".join(map(repr, labels)) for labels in _alike(counts, _without_case)]:
        yield f"labels that differ only in case or white space: {shown(alike)}"
    one_of_each = {_without_case(label): label for label in counts}.values()
    if same := [" and ".join(map(ascii, labels)) for labels in _alike(one_of_each, _as_seen)]:
        yield f"labels that look the same and are written differently: {shown(same)}"
    if missing := [f"{label!r} {counts[label]:,}" for label in counts if label in _MISSING]:
        yield (
            "labels that many programs write for a missing one, and that are taken for labels "
            f"here: {shown(missing)}"
        )
    if to_learn and ABSTAIN in counts:
        yield f"a label is {ABSTAIN!r}, which also stands for no answer in the column decision"


def _alike(labels: Iterable[str], folded: Callable[[str], str]) -> Iterator[list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[folded(label)].append(label)
    return (group for group in groups.values() if len(group) > 1)


def folded_text(text: str) -> str:
    """Fold what does not make two texts different: white space, case, how letters are composed."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def _without_case(label: str) -> str:
    return " ".join(label.split()).casefold()


def _as_seen(label: str) -> str:
    """Fold letters that are composed or not, full-width ones, and what is not seen at all."""
    whole = unicodedata.normalize("NFKC", label)
    return _without_case("".join(one for one in whole if unicodedata.category(one) != "Cf"))


def quote_notes(
    texts: Sequence[str], labels: Container[str], lines: Sequence[int]
) -> Iterator[str]:
    """Tell of texts that seem to have swallowed other records, as after a quote too many.

    They have several lines, one of which begins or ends with a label, divided from the rest as
    cells are.
    """

    def is_record(line: str) -> bool:
        first, *others = (cell.strip(' "') for cell in _CELL_END.split(line))
        return bool(others) and (first in labels or others[-1] in labels)

    found = [
        str(line)
        for text, line in zip(texts, lines, strict=True)
        if ("\n" in text or "\r" in text) and any(map(is_record, text.splitlines()))
    ]
    if found:
        yield (
            f"quotes: {counted(len(found), 'text')} of several lines, of which one begins or ends "
            f"with a label as a record does, line{'s' * (len(found) > 1)} {shown(found)}; look "
            "whether a quote there is never closed"
        )


def refusals(tally: RefusedTally) -> Iterator[str]:
    """Tell how many records were refused for which reason, the most frequent first."""
    for kind, one in sorted(tally.kinds.items(), key=lambda item: (-item[1].count, item[0])):
        lines = ", ".join(map(str, one.lines))
        n_more = one.count - len(one.lines)
        more = f" and {n_more:,} more" if n_more else ""
        word = "file" if isinstance(one.lines[0], str) else "line"
        word += "" if one.count == 1 else "s"
        detail = f" ({one.detail})" if one.detail else ""
        yield f"refused {one.count:,}: {kind}, {word} {lines}{more}{detail}"


def most_refused(tally: RefusedTally) -> str:
    """Say what most records were refused for, as the end of a sentence."""
    told = next(refusals(tally), None)
    return f" ({told}); put that right" if told else "; give at least one"


def shown(items: Sequence[str], separator: str = ", ") -> str:
    """Write the first ten of some items, and how many more there are."""
    n_more = len(items) - _N_SHOWN
    first = separator.join(itertools.islice(items, _N_SHOWN))
    return f"{first} and {n_more:,} more" if n_more > 0 else first


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
