"""Bytes in a script of their own -> their encoding, by how often a language has each letter.

The letters of each language stand in the order of their frequency, and the frequency is taken to
fall exponentially with it; the encoding under which the bytes are most likely is the one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

__all__ = ["MULTI_BYTE", "likely_encoding"]

MULTI_BYTE = ("cp932", "euc_jp", "cp949", "big5", "gb18030")

_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_UKRAINIAN = "оаинвіерткслудмпяьзгбчйхжїшюцєщфґ"
_SERBIAN = "аоиенрстјвкудмлпзгбчћшжњљцфхђџ"
_GREEK = "αοιετσνηυρκπμάλςωόίέδγύήχθφβώξζψϊ"
_HEBREW = "יוהלאתרבשמנחדעםקפטגצןכסזךףץ"
_ARABIC = "اليمنورتبدةعسفكهحقأجشطصخىذزضإغآثءئظؤ،"
_PERSIAN = "ايردنهمتوبسشکزگخآفقجپعلحطكغصچژئ،"
_THAI = "านรอก่เง้มยลวิดีทัสตะปบคหแุจำพชข์ใไูโืผธณ็ศซถฟญภฐษฉๆ"
_KANA = "のいにたをはしるてがとでなかすっられりまきさもこくだあどうせそけつよわえちめろじみおやげ"
_KATAKANA = "ーンスルトリアイラクドシレジタフコロテマッカプグサバムデ"
_KOREAN = "이다는에의하을가고지로어도한사시기를자리은해서아나인대정제수보니게요주있습용그전세일만들"
_TRADITIONAL = (
    "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可後小麼"
    "心多天而能好都然沒日於起還發成事只作當想看文無開手用主行方又如前所本見經頭面公同已從動請單錢貨訂收"
)
_SIMPLIFIED = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可后小么"
    "心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本见经头面公同已从动请单钱货订收"
)
_MARKS = "“”‘’«»–—…№\xa0"
_WIDE_MARKS = "、。，！？「」・（）：～"

_SPREAD = 9.0  # letters after which one is an e-th as frequent; of syllables and signs more
_WIDE_SPREAD = 30.0
_CAPITAL = 0.05
_MARK = 0.001
_ALL_CAPITALS = 8.0  # what it costs, in nats, to take small letters for capitals
_OLD = 5.0  # what an encoding costs that is hardly written any more
_STRANGE = 1e-6
_LEAST = -4.0  # nats a byte, below which nothing is likely
_ENOUGH = 1 << 15  # bytes


class _Language(NamedTuple):
    """How likely characters are in a language, and in which encodings it is written."""

    letters: str
    encodings: str
    spread: float = _SPREAD
    share: float = 0.95  # of all characters
    # Further characters: the first and the last one, their share.
    ranges: tuple[tuple[str, str, float], ...] = ()


_IDEOGRAPHS = ("\u4e00", "\u9fff")
_LANGUAGES = (
    _Language(_RUSSIAN, "cp1251 koi8_r cp866 iso8859_5"),
    _Language(_UKRAINIAN, "cp1251 koi8_u"),
    _Language(_SERBIAN, "cp1251"),
    _Language(_GREEK, "cp1253 iso8859_7"),
    _Language(_HEBREW, "cp1255"),
    _Language(_ARABIC, "cp1256 iso8859_6"),
    _Language(_PERSIAN, "cp1256"),
    _Language(_THAI, "cp874", 12.0),
    _Language(_KANA, "cp932 euc_jp", 15.0, 0.45, ((*_IDEOGRAPHS, 0.4),)),
    _Language(_KATAKANA, "cp932 euc_jp", 15.0, 0.6, (("ぁ", "ん", 0.05), ("ァ", "ヶ", 0.2))),
    _Language(_KOREAN, "cp949", _WIDE_SPREAD, 0.55, (("가", "힣", 0.4 * 11_172 / 2_350),)),
    _Language(_TRADITIONAL, "big5", _WIDE_SPREAD, 0.4, ((*_IDEOGRAPHS, 0.8),)),
    _Language(_SIMPLIFIED, "gb18030", _WIDE_SPREAD, 0.4, ((*_IDEOGRAPHS, 0.8),)),
)
_CURRENT = ("cp1251", "cp1253", "cp1255", "cp1256", "cp874", "cp932", "cp949", "big5", "gb18030")


def likely_encoding(evidence: bytes) -> str | None:
    """Find the encoding under which bytes are most likely to be a language.

    Parameters
    ----------
    evidence : bytes
        Lines that are not UTF-8; the first 32 kB are looked at.

    Returns
    -------
    str or None
        The name of a codec of Python; None if nothing is likely.
    """
    found = [one for language in _LANGUAGES for one in _likelihoods(evidence[:_ENOUGH], language)]
    total, n_bytes, encoding = max(found)
    return encoding if n_bytes and total / n_bytes >= _LEAST else None


def _likelihoods(evidence: bytes, language: _Language) -> Iterator[tuple[float, int, str]]:
    """Compute the logarithm of how likely the bytes are, for each encoding of a language."""
    for encoding in language.encodings.split():
        text = evidence.decode(encoding, "replace")
        counts = Counter(character for character in text if character > "\x7f")
        n_bytes = sum(counts.values()) * (2 if encoding in MULTI_BYTE else 1)
        small = _sum(counts, language)
        swapped = Counter({letter.swapcase(): count for letter, count in counts.items()})
        capital = _sum(swapped, language) - _ALL_CAPITALS
        price = 0.0 if encoding in _CURRENT else _OLD
        yield max(small, capital) - price, n_bytes, encoding


def _sum(counts: Counter[str], language: _Language) -> float:
    return sum(count * _logarithm(letter, language) for letter, count in counts.items())


@cache
def _logarithm(character: str, language: _Language) -> float:
    share = _STRANGE
    if character in _MARKS or character in _WIDE_MARKS:
        is_wide = language.spread > _SPREAD and bool(language.ranges)
        share = _MARK if (character in _WIDE_MARKS) == is_wide else _STRANGE
    share = max(share, _of_letter(character, language))
    share = max(share, _CAPITAL * _of_letter(character.lower(), language))
    for first, last, whole in language.ranges:
        if first <= character <= last:
            share = max(share, whole / (ord(last) - ord(first) + 1))
    return math.log(share)


def _of_letter(character: str, language: _Language) -> float:
    place = language.letters.find(character)
    if place < 0:
        return 0.0
    return language.share / language.spread * math.exp(-place / language.spread)
