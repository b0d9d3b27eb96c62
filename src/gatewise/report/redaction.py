"""Texts -> the same texts without what may name a person: for pages that others will read.

Masked are digits, mail addresses, addresses of pages, ``@names`` and capitalised words that do not
begin a sentence. So names of things, German nouns and words in capitals are masked as well, and a
name in small letters, at the beginning of a sentence, or in a script without capitals is not: a
page should still be looked at before it is handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Mask", "masks", "redact"]

# Each part begins where its letters do, and gives none of them back: else a word of a hundred
# thousand letters, as files in mails are, would be read anew from every letter.
_ADDRESS = re.compile(
    r"(?P<mail>(?<![^\s@<>()\[\],;:\"])[^\s@<>()\[\],;:\"]++"
    r"@[^\s@<>()\[\],;:\"]*\w)"  # a machine of one's own firm has no dot
    r"|(?P<address>(?:(?<![a-z0-9+.-])[0-9+.-]*+[a-z][a-z0-9+.-]*+://|\bwww\.)\S*[\w/]"
    r"|(?<![\w-])(?:[\w-]++\.)+(?:com|net|org|info|biz|io|co|gov|edu|app|dev)\b(?:[:/]\S*[\w/])?"
    r"|(?<![\w-])(?:[\w-]++\.)+[a-z]{2,}/\S*[\w/]"
    r"|(?<![\w-])[\w-]++(?:\.[\w-]++){2,})"  # any name or number of three parts or more
    r"|(?P<handle>(?<!\w)@\w+)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENDS = ".!?…。！？؟।:\n\r"  # of a sentence, or of what stands before one
_AROUND = " \t\"'“”„«»‘’()[]*-–—•>¿¡"  # may stand between an end and the next word
_LONGEST_TITLE = 4  # letters of an abbreviation before a name: Mr, Prof
_TITLE = re.compile(rf"(?<![^\W\d_])([^\W\d_]{{1,{_LONGEST_TITLE}}})\.\n?\Z")


@dataclass(frozen=True, slots=True)
class Mask:
    """A part of a text that is not shown.

    Attributes
    ----------
    start, end : int
        Where it stands, in characters.
    shown : str
        What is shown instead.
    """

    start: int
    end: int
    shown: str


def redact(text: str) -> str:
    """Mask what may name a person.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        With ``#`` for each digit, and ``[mail]``, ``[address]`` or ``[name]`` for the rest.

    Examples
    --------
    >>> redact("please ask Ms. Okafor at m.okafor@example.com about order 4711.")
    'please ask [name]. [name] at [mail] about order ####.'
    """
    parts, end = [], 0
    for mask in masks(text):
        parts += [text[end : mask.start], mask.shown]
        end = mask.end
    return "".join([*parts, text[end:]])


def masks(text: str) -> list[Mask]:
    """Find what :func:`redact` masks.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of Mask
        In the order of the text; none overlaps another.
    """
    found, end = [], 0
    for match in _ADDRESS.finditer(text):
        found += _plain_masks(text, end, match.start())
        shown = "[mail]" if match.lastgroup in ("mail", "handle") else "[address]"
        found.append(Mask(match.start(), match.end(), shown))
        end = match.end()
    return [*found, *_plain_masks(text, end, len(text))]


def _plain_masks(text: str, start: int, end: int) -> list[Mask]:
    """Mask names and digits of a part of the text that has no address in it."""
    found = [*_names(text, start, end)]
    digits = (place for place in range(start, end) if text[place].isdigit())
    found += [Mask(place, place + 1, "#") for place in digits]
    return sorted(found, key=lambda mask: mask.start)


def _names(text: str, start: int, end: int) -> Iterator[Mask]:
    words = list(_WORD.finditer(text, start, end))
    for place, word in enumerate(words):
        if not _is_capitalised(word[0]):
            continue
        begins = _begins_a_sentence(text, word.start())
        # "Ada Lovelace called": the first of two capitalised words is a name wherever it stands.
        follows = place + 1 < len(words) and text[word.end() : words[place + 1].start()]
        is_double = follows in (" ", ". ") and _is_capitalised(words[place + 1][0])
        if not begins or is_double:
            yield Mask(word.start(), word.end(), "[name]")


def _is_capitalised(word: str) -> bool:
    """Say whether a word begins with a capital; single letters, such as I, name nobody."""
    letters = word.replace("’", "'").partition("'")[0]
    return len(letters) > 1 and (letters[0].isupper() or letters[0].istitle())


def _begins_a_sentence(text: str, start: int) -> bool:
    end = start  # step by step, for a copy of what stands before each word takes too long
    while end and text[end - 1] in _AROUND:
        end -= 1
    if not end:
        return True
    if text[end - 1] not in _ENDS:
        return False
    title = _TITLE.search(text, max(0, end - _LONGEST_TITLE - 3), end)
    return title is None or not title[1][0].isupper()
