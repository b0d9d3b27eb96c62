"""Bytes -> the name of their encoding.

UTF-8 is what is hoped for. A file with other bytes is judged by the lines that hold them:
Chinese by the rows of its character table, western languages by their letters, other scripts by
how often their letters stand. What is none of these goes to charset-normalizer, which on short
files mistakes all (Chinese for Korean, German for Polish, Hebrew for Russian).
"""

from __future__ import annotations

import codecs
import re

import charset_normalizer

from gatewise.base.errors import DataError
from gatewise.text.scripts import MULTI_BYTE, likely_encoding

__all__ = ["SAMPLE_SIZE", "detect_encoding", "encoding_note", "has_mark", "is_utf8"]

SAMPLE_SIZE = 1 << 18  # bytes; a shorter sample is taken for a whole file

_BINARY = {
    b"PK\x03\x04": "a zip or xlsx file",
    b"PAR1": "a parquet file",
    b"%PDF": "a PDF file",
    b"\xd0\xcf\x11\xe0": "an old Office file (xls or doc)",
}
_MARKS = {  # utf-32 first: its little-endian mark begins with that of utf-16
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_BROKEN = re.compile("[\udc80-\udcff]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_HIGH_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
# One character of gb18030 per match; the group is one of GB 2312's ideographs or marks.
_GB_CHARACTER = re.compile(
    rb"([\xa1-\xa3\xb0-\xf7][\xa1-\xfe])|[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]"
    rb"|[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x80-\xff]"
)
# Frequent Chinese characters that GB 2312 keeps in the rows where Korean has its syllables.
_FREQUENT_CHINESE = frozenset(
    "爱把被本比不差常长成出吃次从错打大带但到道的得等点电店东都对多而发法分高个给公国果过还好和很后回会货"
    "机几加价家见件就觉开看可快来了里"
)
_PUNCTUATION = "“”‘’„‚‹›«»–—…•·€£°§©®™´\xa0"
# The letters of a language tell which of the code pages it is: õ beside ö means ő. West first.
_LATIN = (
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),  # French
    ("cp1252", "äöüßéà"),  # German
    ("cp1252", "áéíñóúü¿¡ºª"),  # Spanish
    ("cp1252", "àáâãçéêíóôõúü"),  # Portuguese
    ("cp1252", "àèéìíîòóùú"),  # Italian
    ("cp1252", "åäöæøéü"),  # the Nordic languages
    ("cp1252", "éëïöüèáóí"),  # Dutch
    ("cp1250", "ąćęłńóśźż"),  # Polish
    ("cp1250", "áäčďéěíĺľňóôŕřšťúůýž"),  # Czech, Slovak
    ("cp1250", "áéíóöőúüű"),  # Hungarian
    ("cp1250", "ăâîşţ"),  # Romanian
    ("cp1250", "čćđšž"),  # Croatian, Slovenian
    ("cp1254", "çğıöşüâîûİ"),  # Turkish
    ("cp1252", "áðéíóúýþæö"),  # Icelandic
    ("cp1258", "ăâđêôơưáàéèíóúùü\u0300\u0301\u0303\u0309\u0323"),  # Vietnamese
    ("cp1257", "ąčęėįšųūžāēģīķļņõäöü"),  # the Baltic languages
)
_WESTERN = "".join(letters for _, letters in _LATIN[:7])
_OTHERS = ["big5", "cp932", "cp949", "euc_jp", "gb18030", "cp874"]
_OTHERS += ["cp1251", "cp1253", "cp1255", "cp1256"]


def detect_encoding(sample: bytes, name: str = "the text") -> str:
    """Judge in which encoding a sample is.

    Parameters
    ----------
    sample : bytes
        A whole file, or `SAMPLE_SIZE` bytes of it and more that hold those of its bytes that
        are not UTF-8, if it has any.
    name : str
        What the message calls the file.

    Returns
    -------
    str
        The name of a codec of Python.

    Raises
    ------
    DataError
        If it is a file of another kind, or no encoding fits.
    """
    for signature, kind in _BINARY.items():
        if sample.startswith(signature):
            raise DataError(
                f"{name} is {kind} by its first bytes, and text is read here (csv, tsv, JSON "
                "lines); a file of another kind needs the ending of its kind"
            )
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    if wide := _wide_without_mark(sample):
        return wide
    if is_utf8(sample):
        return "utf-8"
    evidence = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    if guess := _foreign(evidence[:SAMPLE_SIZE]):
        return guess
    raise DataError(f"{name} is in no encoding that can be recognised; save it as UTF-8")


def encoding_note(sample: bytes, encoding: str) -> str | None:
    """Say what the user should know of the encoding, if it is not plain UTF-8."""
    if has_mark(sample):
        return None if encoding == "utf-8" else f"read as {encoding}, as its first bytes say"
    if encoding != "utf-8":
        return f"not UTF-8, read as {encoding}"
    if not is_utf8(sample):
        return "UTF-8 with broken bytes in it: the records that hold them are refused"
    return None


def has_mark(sample: bytes) -> bool:
    """Tell whether a sample begins with the mark of an encoding, or is utf-16 without one."""
    return sample.startswith(tuple(_MARKS)) or _wide_without_mark(sample) is not None


def is_utf8(sample: bytes) -> bool:
    """Tell whether a sample is UTF-8; a long one may end inside a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(sample, final=len(sample) < SAMPLE_SIZE)
    except UnicodeDecodeError:
        return False
    return True


def _wide_without_mark(sample: bytes) -> str | None:
    """Recognise utf-16 that lacks its mark by the zero bytes of its ASCII letters."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    n_enough = max(4, len(sample) // 8)  # a quarter of all letters
    if odd >= n_enough and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even >= n_enough and odd == 0 else None


def _foreign(evidence: bytes) -> str | None:
    """Judge lines that are not all UTF-8."""
    text = evidence.decode("utf-8", "surrogateescape")
    n_broken = len(_BROKEN.findall(text))
    n_whole = sum(character > "\x7f" for character in text) - n_broken
    if n_whole >= 4 * n_broken:
        return "utf-8"
    likely = likely_encoding(evidence)
    if _is_chinese(evidence) and likely in (None, "gb18030"):
        return "gb18030"
    if n_whole >= n_broken:
        return "utf-8"  # lines of two encodings: the foreign ones are refused, not garbled
    if likely in MULTI_BYTE:
        return likely
    if _has_accents(evidence):
        return _latin(evidence)
    if likely is not None:
        return likely
    best = charset_normalizer.from_bytes(evidence, cp_isolation=_OTHERS).best()
    return best.encoding if best else None


def _is_chinese(evidence: bytes) -> bool:
    found = [match.group(1) for match in _GB_CHARACTER.finditer(evidence)]
    plain = [character for character in found if character]
    ideographs = [character for character in plain if character >= b"\xb0"]
    if not ideographs or len(plain) < 0.9 * len(found):
        return False
    text = b"".join(ideographs).decode("gb18030", "replace")
    if sum(character in _FREQUENT_CHINESE for character in text) >= 0.2 * len(text):
        return True
    # Korean stops at C8, Cyrillic and Greek stand above D8; half of Chinese lies between.
    n_between = sum(b"\xc9" <= character < b"\xd8" for character in ideographs)
    n_above = sum(character >= b"\xd8" for character in ideographs)
    return bool(n_between >= 0.15 * len(ideographs) >= n_above - 1)


def _has_accents(evidence: bytes) -> bool:
    """Tell letters with accents among plain ones from scripts of their own."""
    runs = _HIGH_RUN.findall(evidence)
    n_high = sum(map(len, runs))
    if n_high < 4 or n_high == len(runs):
        return True
    n_letters = sum(map(len, _HIGH_WORD.findall(evidence)))
    return n_high < 0.5 * n_letters and n_high <= 2 * len(runs)


def _latin(evidence: bytes) -> str:
    """Find the code page under which most letters belong to one language, or to several western."""
    candidates = [*_LATIN, ("cp1252", _WESTERN)]
    known = [_n_known(evidence, encoding, letters) for encoding, letters in candidates]
    known[-1] *= 0.97  # that a single language explains
    return candidates[known.index(max(known))][0]


def _n_known(evidence: bytes, encoding: str, letters: str) -> float:
    text = evidence.decode(encoding, "replace")
    return sum(c in letters or c.lower() in letters or c in _PUNCTUATION for c in text)
