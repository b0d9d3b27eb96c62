"""The companion's n-grams once more, by their definition."""

from itertools import combinations, pairwise

import pytest


def list_terms(tokens, *, characters, apart):
    """The n-grams by their definition, for scripts with spaces."""
    terms = ["w:" + token for token in tokens]
    terms += ["w:" + first + " " + second for first, second in pairwise(tokens)]
    for (at, first), (there, second) in combinations(enumerate(tokens if apart else []), 2):
        if 2 <= there - at <= 6 and first != second:
            terms.append("p:" + " ".join(sorted([first, second])))
    for token in tokens if characters else []:
        padded = " " + token + " "
        for n in (2, 3, 4, 5):
            terms += ["c:" + padded[at : at + n] for at in range(len(padded) - n + 1)]
    return terms


@pytest.fixture(scope="session")
def plain_terms():
    """The terms of a text: tests cannot import this file."""
    return list_terms
