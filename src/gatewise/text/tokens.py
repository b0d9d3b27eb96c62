"""Text -> tokens: one pure function per family of languages.

Scripts that put spaces between words are read by a pattern: letters with their combining
marks, inner apostrophes, numbers as one token, and the signs that carry meaning. A run of
Chinese, Japanese, Thai, Lao, Khmer or Burmese letters is cut into words by ICU. Both work on
the same text, so a sentence that mixes them needs no setting.

Punctuation is left out, or read too: its signs tell much of short texts (who wrote them, in what
mood, that there is a link), and take the places of words in long ones.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from icu4py.breakers import WordBreaker

from gatewise.base.errors import ConfigError

__all__ = [
    "AUTO",
    "PRETOKENIZED",
    "Token",
    "has_unspaced_script",
    "is_sign",
    "leaves_signs_open",
    "token_spans",
    "tokenize",
    "with_signs",
]

AUTO = "auto"
PRETOKENIZED = "pretokenized"
_WITH_SIGNS, _WORDS_ONLY = "+signs", "+words"  # behind a language

_UNSPACED_CLASS = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana and iteration marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters
    "\uff66-\uff9f"  # half-width kana
    "\U00020000-\U0003ffff"  # rarer Chinese characters
)
_UNSPACED = re.compile(f"[{_UNSPACED_CLASS}]")
_LANGUAGE = re.compile(r"(?:auto|[a-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)(?:\+signs|\+words)?")
_TURKIC = ("tr", "az", "tur", "aze")
# Not seen, or a matter of drawing: soft hyphens, marks of direction, joiners, variants.
_UNSEEN = "\u00ad\u061c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_VARIANTS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_STRETCH = "\u0640"  # makes an Arabic word longer on paper
_NO_LETTER = re.compile(f"[{_UNSEEN}{_VARIANTS}{_STRETCH}]")
# A typographic apostrophe is an apostrophe, and so is that of Ukrainian; the marks of Hebrew
# acronyms are mostly typed as quotes.
_SAME_TOKEN = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u05f3": "'", "\u05f4": '"'})
_CHARACTERS = range(0x21, 0x1FFFF)  # among which marks and symbols are looked for
_MARKS = ("Mn", "Mc")  # what combines with the letter before it
_PICTURES = ("Sc", "So")  # currency signs and pictures: they are words of their own
_PUNCTUATION = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sk")
_REPEATABLE = "?!\uff1f\uff01\u061f"  # one sign and a row of it are the same token
_NUMBER = r"\d+(?:[.,:/\u066b\u066c]\d+)*"
_EMOTICON = r"[:;=]-?[()DPp/](?!\w)"
_OWN_WORDS = "?!%&+#@$"  # signs that are always read
_EYES = ":;="  # of an emoticon, perhaps: never taken together
_ASCII_SIGNS = "\"'()*,-./<>[\\]^_`{|}~"
_ASCII_WORD = "[A-Za-z][A-Za-z0-9]*"
# What _pattern() finds in texts of ASCII: words only, and signs too.
_ASCII_WORDS = (
    rf"{_ASCII_WORD}(?:'{_ASCII_WORD})*|\d+{_ASCII_WORD}|{_NUMBER}|{_EMOTICON}|[{_OWN_WORDS}]"
)
_ASCII_PATTERN = re.compile(_ASCII_WORDS)
_ASCII_SIGNS_PATTERN = re.compile(
    "|".join([_ASCII_WORDS, f"[{_EYES}]", *(f"{re.escape(sign)}+" for sign in _ASCII_SIGNS)])
)
_ROW_OF_SIGNS = re.compile(r"([?!])\1+")
_LONG_ROW = re.compile(rf"([{re.escape(_ASCII_SIGNS)}])\1{{2,}}")
# Quotation marks and dashes are typed in many ways.
_SAME_SIGN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)


class Token(NamedTuple):
    """A token and the place in the text it was read from."""

    text: str  # normalised: NFKC, case folded
    start: int  # of the surface form, in characters
    end: int


def tokenize(text: str, language: str = AUTO) -> list[str]:
    """Cut a text into normalised tokens.

    Parameters
    ----------
    text : str
        Any text; line ends and surrounding spaces make no difference.
    language : str
        ``"auto"`` looks at the script of each run of letters; a language code such as ``"zh"``
        or ``"tr"`` adds that language's rules; ``"pretokenized"`` splits at white space only and
        leaves the tokens as they are. ``"+signs"`` behind the first two: punctuation is read too.

    Returns
    -------
    list of str
        The tokens in reading order; empty if there is none.

    Raises
    ------
    ConfigError
        If the language is none of these.
    """
    if language == PRETOKENIZED:
        return re.findall(r"\S+", text)
    normalise, signs = _normaliser(language), _reads_signs(language)
    if normalise is _normalise and text.isascii():  # a third of the time
        found = "\n".join(_ascii_surfaces(text, signs)).lower().split("\n")
        return _with_words(found) if signs else list(filter(None, found))
    if signs or has_unspaced_script(text):
        return [token.text for token in token_spans(text, language)]
    return [token for token in map(normalise, _pattern(False).findall(text)) if token]


def _ascii_surfaces(text: str, signs: bool) -> list[str]:
    text = _ROW_OF_SIGNS.sub(r"\1", text)
    if not signs:
        return _ASCII_PATTERN.findall(text)
    found = _ASCII_SIGNS_PATTERN.findall(text)
    return list(map(_one_sign, found)) if _LONG_ROW.search(text) else found


def _with_words(tokens: list[str]) -> list[str]:
    """Give the tokens if one of them is more than punctuation, else none."""
    return tokens if any(token and not is_sign(token) for token in tokens) else []


def token_spans(text: str, language: str = AUTO) -> list[Token]:
    """Cut a text into tokens that remember where they stood; see :func:`tokenize`."""
    if language == PRETOKENIZED:
        return [Token(match[0], *match.span()) for match in re.finditer(r"\S+", text)]
    normalise, signs = _normaliser(language), _reads_signs(language)

    def read(surface: str) -> str:
        return _one_sign(normalise(surface)) if signs else normalise(surface)

    found = (Token(read(text[start:end]), start, end) for start, end in _spans(text, language))
    tokens = [token for token in found if token.text]
    return tokens if not signs or _with_words([token.text for token in tokens]) else []


def with_signs(language: str) -> str:
    """Let punctuation be read too, unless words only were asked for."""
    return f"{language}{_WITH_SIGNS}" if leaves_signs_open(language) else language


def leaves_signs_open(language: str) -> bool:
    """Say whether a setting leaves it to the data whether punctuation is read.

    Raises
    ------
    ConfigError
        If it is none that :func:`tokenize` takes.
    """
    if language == PRETOKENIZED:
        return False
    _normaliser(language)
    return not language.endswith((_WITH_SIGNS, _WORDS_ONLY))


@functools.lru_cache(maxsize=1 << 17)
def is_sign(token: str) -> bool:
    """Say whether a token is punctuation, which is only read with ``"+signs"``."""
    return len(token) <= 2 and _sign_pattern().fullmatch(token) is not None


def has_unspaced_script(text: str) -> bool:
    """Say whether a text has letters of a script that writes words without spaces."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def _spans(text: str, language: str) -> Iterator[tuple[int, int]]:
    for match in _pattern(_reads_signs(language)).finditer(text):
        start, end = match.span()
        if has_unspaced_script(match[0]):
            yield from _icu_spans(match[0], start, _code(language))
        else:
            yield start, end


def _icu_spans(run: str, offset: int, language: str) -> Iterator[tuple[int, int]]:
    # ICU picks the dictionary by script; the language only settles finer points.
    composed, places = _composed(run)
    breaker = WordBreaker(composed, "en" if language == AUTO else language.replace("-", "_"))
    start = 0
    for piece in breaker:  # not .segments(): its places count UTF-16 units
        end = start + len(piece)
        if any(letter.isalnum() or unicodedata.category(letter) in _PICTURES for letter in piece):
            yield offset + places[start], offset + places[end]
        start = end


def _composed(run: str) -> tuple[str, Sequence[int]]:
    """Write a run as dictionaries do, with where each of the characters began, and the end."""
    if unicodedata.is_normalized("NFC", run) and not _NO_LETTER.search(run):
        return run, range(len(run) + 1)
    letters: list[str] = []
    places: list[int] = []
    for cluster in _cluster_pattern().finditer(run):
        seen = unicodedata.normalize("NFC", _NO_LETTER.sub("", cluster[0]))
        letters.append(seen)
        places += [cluster.start()] * len(seen)
    return "".join(letters), [*places, len(run)]


def _normaliser(language: str) -> Callable[[str], str]:
    if language == AUTO:
        return _normalise
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise ConfigError(
            f"language is {language!r}; allowed are {AUTO!r}, {PRETOKENIZED!r} or a language code "
            f"such as 'en', 'zh' or 'tr', and {_WITH_SIGNS!r} or {_WORDS_ONLY!r} behind it"
        )
    return _normalise_turkic if re.split("[-_]", _code(language))[0] in _TURKIC else _normalise


def _code(language: str) -> str:
    return language.partition("+")[0]


def _reads_signs(language: str) -> bool:
    return language.endswith(_WITH_SIGNS)


def _normalise(surface: str) -> str:
    if surface[0] in _REPEATABLE:
        surface = surface[0]
    if surface.isascii():
        return surface.lower()
    # Only Turkic languages have the dotted capital; folded, it would keep a second dot.
    whole = unicodedata.normalize("NFKC", surface).replace("\u0130", "i")
    folded = _NO_LETTER.sub("", unicodedata.normalize("NFKC", whole.casefold()))
    # Some compatibility forms unfold with spaces inside; a token has none.
    return "".join(folded.translate(_SAME_TOKEN).split())


def _one_sign(token: str) -> str:
    """Write a sign, or a row of it, as it is mostly typed and twice at most."""
    if token[:1].isalnum():
        return token
    same = token.translate(_SAME_SIGN)
    return same[:2] if _sign_pattern().fullmatch(same) else token


def _normalise_turkic(surface: str) -> str:
    composed = unicodedata.normalize("NFC", surface)
    return _normalise(composed.replace("\u0130", "i").replace("I", "\u0131"))


@functools.cache
def _pattern(signs: bool) -> re.Pattern[str]:
    """Compile the pattern of one token in scripts with spaces; tried in this order."""
    marks, symbols = _character_class(_MARKS), _character_class(_PICTURES)
    # The zero-width joiners stand inside words of Persian and of Indian scripts.
    inside = rf"[\u200c\u200d{_UNSEEN}]+(?=[^\W_])"
    letters = rf"[^\W\d_](?:[^\W_]+|[{marks}{_VARIANTS}]|{inside})*"
    acronym = '(?<=[\u05d0-\u05ea])"(?=[\u05d0-\u05ea])'
    word = rf"{letters}(?:(?:['\u2019\u05f3\u05f4]|{acronym}){letters})*"
    mixed = rf"\d+{letters}"
    repeated_sign = "|".join(rf"{re.escape(sign)}+" for sign in _REPEATABLE)
    sign = rf"[%&+#@{symbols}]\ufe0f?"
    words = f"{word}|{mixed}|{_NUMBER}|{_EMOTICON}|{repeated_sign}|{sign}"
    if not signs:
        return re.compile(words)
    punctuation = rf"(?P<sign>[{_sign_class()}])(?P=sign)*"
    return re.compile(f"{words}|[{_EYES}]|{punctuation}")


@functools.cache
def _sign_pattern() -> re.Pattern[str]:
    """Compile the pattern of a token that is a sign, or two of it."""
    return re.compile(rf"[{_EYES}]|(?P<sign>[{_sign_class()}])(?P=sign)*")


@functools.cache
def _sign_class() -> str:
    """Write all signs that are neither always read nor eyes as the inside of a pattern's [...]."""
    always = _OWN_WORDS + _REPEATABLE

    def is_another(sign: str) -> bool:
        plain = unicodedata.normalize("NFKC", sign)  # of some, an accent or a question mark
        return any(unicodedata.category(one) not in _PUNCTUATION or one in always for one in plain)

    signs = (sign for sign in map(chr, _CHARACTERS) if unicodedata.category(sign) in _PUNCTUATION)
    others = {sign for sign in signs if sign in _EYES or is_another(sign)}
    return _character_class(_PUNCTUATION, without=others)


@functools.cache
def _cluster_pattern() -> re.Pattern[str]:
    """Compile the pattern of a letter with what belongs to it; of Korean, a syllable."""
    marks = _character_class(_MARKS)
    return re.compile(f".[{marks}{_VARIANTS}{_UNSEEN}\u1160-\u11ff]*", re.DOTALL)


def _character_class(wanted: tuple[str, ...], without: Container[str] = ()) -> str:
    """Write all characters of some categories as the inside of a pattern's [...], by ranges."""
    ranges: list[tuple[int, int]] = []
    for code in _CHARACTERS:
        if unicodedata.category(chr(code)) not in wanted or chr(code) in without:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = ranges[-1][0], code
        else:
            ranges.append((code, code))
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
