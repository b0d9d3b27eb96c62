"""The n-grams of a text: words, pairs of words, and runs of characters, as strings.

Those of characters begin with ``c:``, pairs of words that stand apart with ``p:``, words and pairs
of neighbours with ``w:``. A token has no space, so the space of a pair parts its words.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterator, Sequence

from gatewise.text.tokens import has_unspaced_script
from gatewise.text.vocabulary import LONGEST_SPELT

__all__ = [
    "REACH",
    "character_terms",
    "character_units",
    "count_characters",
    "forget_runs",
    "is_unspaced",
    "list_runs",
    "may_come_again",
    "ngram_terms",
    "pairs_apart",
    "pairs_of_neighbours",
]

REACH = 6  # two words so many places apart still make a pair

_SPACED_ORDERS = (2, 3, 4, 5)
_UNSPACED_ORDERS = (1, 2, 3)
_LONGEST_REMEMBERED = 64  # letters; a longer piece of writing hardly comes again


def count_characters(terms: Sequence[str]) -> int:
    """Count the n-grams of characters, which come first."""
    return bisect.bisect_left(terms, 1, key=lambda term: term[:2] != "c:")


def ngram_terms(tokens: Sequence[str], *, characters: bool, apart: bool = False) -> list[str]:
    """List the n-grams of one text.

    Parameters
    ----------
    tokens : sequence of str
        The text.
    characters : bool
        With the n-grams of characters.
    apart : bool
        With the pairs of words that are not neighbours, whichever comes first.

    Returns
    -------
    list of str
        Words, pairs of neighbours in their order, and what was asked for.
    """
    terms = [f"w:{token}" for token in tokens]
    terms.extend(pairs_of_neighbours(tokens))
    if apart:
        terms.extend(pairs_apart(tokens))
    if characters:
        for token in character_units(tokens):
            terms.extend(character_terms(token))
    return terms


def pairs_of_neighbours(tokens: Sequence[str]) -> Iterator[str]:
    """List the pairs of words that follow each other, in their order."""
    return (f"w:{first} {second}" for first, second in itertools.pairwise(tokens))


def pairs_apart(tokens: Sequence[str]) -> Iterator[str]:
    """List the pairs of words that stand near each other, whichever comes first."""
    for place, first in enumerate(tokens):
        for second in tokens[place + 2 : place + REACH + 1]:
            if first != second:
                yield f"p:{first} {second}" if first < second else f"p:{second} {first}"


def character_units(tokens: Sequence[str]) -> Iterator[str]:
    """Words of spaced scripts one by one; a run of unspaced words as one piece of writing."""
    for unspaced, run in itertools.groupby(tokens, is_unspaced):
        if unspaced:
            yield "".join(run)
        else:
            yield from (f" {token[:LONGEST_SPELT]} " for token in run)


is_unspaced = functools.lru_cache(maxsize=1 << 17)(has_unspaced_script)


def may_come_again(letters: str) -> bool:
    """Say whether it is worth remembering what is found in a piece."""
    return len(letters) <= _LONGEST_REMEMBERED


def character_terms(letters: str) -> tuple[str, ...]:
    """List the runs of characters in one of these pieces."""
    return _remembered_terms(letters) if may_come_again(letters) else list_runs(letters)


def forget_runs() -> None:
    """Give back the memory of the runs of all pieces that came by, hundreds of megabytes."""
    _remembered_terms.cache_clear()


def list_runs(letters: str) -> tuple[str, ...]:
    """List the runs of characters in a piece, for callers that remember what they need of them."""
    orders = _SPACED_ORDERS if letters[0] == " " else _UNSPACED_ORDERS
    return tuple(
        f"c:{letters[start : start + order]}"
        for order in orders
        for start in range(len(letters) - order + 1)
    )


_remembered_terms = functools.lru_cache(maxsize=1 << 17)(list_runs)
