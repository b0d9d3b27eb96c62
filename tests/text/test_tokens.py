from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.text.tokens import (
    AUTO,
    PRETOKENIZED,
    Token,
    has_unspaced_script,
    is_sign,
    leaves_signs_open,
    token_spans,
    tokenize,
    with_signs,
)

# Letters of many scripts, and everything that has ever been trouble: marks, joiners, astral
# letters, compatibility forms, lone surrogates.
ASIAN = ["我爱北京", "東京都に", "ภาษาไทย", "ພາສາລາວ", "ភាសាខ្មែរ", "မြန်မာ", "한국어", "नमस्ते", "か"]
SEMITIC = ["مرحبا", "שָׁלוֹם", "\ufdfa", "٣"]
LATIN = ["don't", "l\u2019été", "e\u0301", "ß", "ﬁ", "İ", "ı", "Ａ１", "3.50", "1,2", "2nd", "½"]
SIGNS = [":)", ":-(", "!!", "\uff1f", "_", "@", "$", "㈱", "😀", "👍🏽", "❤\ufe0f", "'"]
UNSEEN = [
    "\u00ad",
    "\u200f",
    "\u0640",
    "\U000e0100",
    "\u200d",
    "\u200c",
    "\u200b",
    "\ufeff",
    "\x00",
    "\ud800",
    "\U00020bb7",
    "\u0301",
]
PIECES = st.one_of(
    st.text(max_size=6),
    st.characters(exclude_categories=[]),
    st.sampled_from([*ASIAN, *SEMITIC, *LATIN, *SIGNS, *UNSEEN]),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
UNSEEN_INSIDE = (
    "\u00ad\u061c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
few = settings(max_examples=50)
SPACES = st.text(" \t\n\r\u00a0\u2028\u3000\x0b\x0c", max_size=4)


# Scripts with spaces


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat sat on the mat.", ["the", "cat", "sat", "on", "the", "mat"]),
        ("Don't! It's O'Neill's", ["don't", "!", "it's", "o'neill's"]),
        ("rock\u2019n\u2019roll l\u2019été", ["rock'n'roll", "l'été"]),
        ("the dogs' 'quoted' bowl", ["the", "dogs", "quoted", "bowl"]),
        ("snake_case __init__", ["snake", "case", "init"]),
        ("well-known covid-19", ["well", "known", "covid", "19"]),
        ("„Hallo“ – sagte sie…", ["hallo", "sagte", "sie"]),
        ("한국어를 배워요", ["한국어를", "배워요"]),
        ("Привет, мир", ["привет", "мир"]),
        ("", []),
        (" \t\n", []),
        ("... -- ,;", []),
    ],
)
def test_words(text, tokens):
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1,234.50 3.14 12:30 1/2", ["1,234.50", "3.14", "12:30", "1/2"]),
        ("on 5. and 7, then 8", ["on", "5", "and", "7", "then", "8"]),
        ("50% of 2nd 4x4 R2D2", ["50", "%", "of", "2nd", "4x4", "r2d2"]),
        ("2024-01-05", ["2024", "01", "05"]),
        ("$5 €3.50 5£ ₹100", ["$", "5", "€", "3.50", "5", "£", "₹", "100"]),
        ("a@b.c #tag C++ & more", ["a", "@", "b", "c", "#", "tag", "c", "+", "+", "&", "more"]),
    ],
)
def test_numbers_currency_and_signs(text, tokens):
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("good :) bad :-( :/", ["good", ":)", "bad", ":-(", ":/"]),
        (";P =D", [";p", "=d"]),
        ("note:Do :Dog", ["note", "do", "dog"]),
        ("wow!!! what??? ？？！！ ?!", ["wow", "!", "what", "?", "?", "!", "?", "!"]),
        ("لماذا؟؟", ["لماذا", "؟"]),
        ("I 😀😀 it", ["i", "😀", "😀", "it"]),
        ("sun☀fun ☺", ["sun", "☀", "fun", "☺"]),
    ],
)
def test_emoji_emoticons_and_rows_of_signs(text, tokens):
    assert tokenize(text) == tokens


# Scripts without spaces: the words are ICU's, the joined words are the text


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("我爱北京天安门", ["北京", "天安门"]),
        ("東京都に住んでいます", ["東京", "に"]),
        ("ภาษาไทยง่ายมาก", ["ภาษา", "ไทย", "ง่าย", "มาก"]),
        ("ພາສາລາວງ່າຍຫຼາຍ", ["ພາສາ", "ລາວ"]),
        ("ភាសាខ្មែរងាយស្រួល", ["ងាយស្រួល"]),
        ("မြန်မာဘာသာစကား", ["စကား"]),
    ],
    ids=["chinese", "japanese", "thai", "lao", "khmer", "burmese"],
)
def test_words_without_spaces(text, some):
    tokens = tokenize(text)
    assert set(some) <= set(tokens)
    assert len(tokens) > 1
    assert "".join(tokens) == unicodedata.normalize("NFKC", text)


def test_punctuation_between_words_without_spaces_is_no_token():
    assert "".join(tokenize("你好，世界。「東京」・大阪")) == "你好世界東京大阪"


def test_half_width_kana_become_full_width():
    assert tokenize("ｶﾞｷﾞ") == tokenize("ガギ")


def test_a_language_code_is_taken_where_words_have_no_spaces():
    assert tokenize("我爱北京天安门", "zh-TW") == tokenize("我爱北京天安门", "zh_TW")
    assert "北京" in tokenize("我爱北京天安门", "zh")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我爱Python3和iPhone手机", ["我", "爱", "python3", "和", "iphone", "手机"]),
        ("ไทย English ไทย", ["ไทย", "english", "ไทย"]),
        ("价格 $5，OK?", ["价格", "$", "5", "ok", "?"]),
        ("мир и 和平", ["мир", "и", "和平"]),
        ("北京's 大学", ["北京", "s", "大学"]),
    ],
)
def test_mixed_scripts(text, tokens):
    assert tokenize(text) == tokens


def test_which_scripts_write_without_spaces():
    for text in ["我", "x東", "か", "カ", "ｶ", "ไ", "ລ", "ខ", "မ", "\U00020bb7"]:
        assert has_unspaced_script(text)
    for text in ["", "abc 1!", "한국어", "नमस्ते", "سلام", "Привет", "😀"]:
        assert not has_unspaced_script(text)


# Normal forms


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("السَّلامُ عليكم", ["السَّلامُ", "عليكم"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("हिन्दी में क्षत्रिय", ["हिन्दी", "में", "क्षत्रिय"]),
        ("e\u0301te\u0301", ["été"]),
        ("Straße STRASSE straẞe", ["strasse"] * 3),
        ("ﬁne ﬂag", ["fine", "flag"]),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ １２３", ["full", "width", "123"]),
        ("½ ² ℃", ["1⁄2", "2", "°c"]),
        ("ΣΊΣΥΦΟΣ Σίσυφος", ["σίσυφοσ", "σίσυφοσ"]),
    ],
)
def test_marks_ligatures_and_case(text, tokens):
    assert tokenize(text) == [unicodedata.normalize("NFKC", token) for token in tokens]


def test_a_form_that_unfolds_with_spaces_stays_one_token():
    assert tokenize("قال \ufdfa") == ["قال", "صلىاللهعليهوسلم"]


@pytest.mark.parametrize("language", ["tr", "az", "tr-TR", "az_Latn_AZ", "tur"])
def test_dotted_and_dotless_i_in_turkish(language):
    assert tokenize("İstanbul IŞIK ılık iki", language) == ["istanbul", "ışık", "ılık", "iki"]


@pytest.mark.parametrize("language", [AUTO, "en", "trv"])
def test_dotted_and_dotless_i_elsewhere(language):
    assert tokenize("IŞIK ılık", language) == ["işik", "ılık"]


# Spans


@pytest.mark.parametrize(
    ("text", "surfaces"),
    [
        ("  Don\u2019t STOP!!  ", ["Don\u2019t", "STOP", "!!"]),
        ("a\u0301b ﬁ ½", ["a\u0301b", "ﬁ", "½"]),
        ("😀 x 𝔘𝔫𝔦 y", ["😀", "x", "𝔘𝔫𝔦", "y"]),
        ("😀北京𝔘", ["😀", "北京", "𝔘"]),
        ("\U00020bb7野家で", ["\U00020bb7", "野家", "で"]),
        ("ไทย😀ไทย", ["ไทย", "😀", "ไทย"]),
    ],
)
def test_spans_point_at_the_surface_form(text, surfaces):
    assert [text[token.start : token.end] for token in token_spans(text)] == surfaces


def test_a_token_is_its_text_and_its_place():
    assert token_spans("ab ＣＤ") == [Token("ab", 0, 2), Token("cd", 3, 5)]


@few
@given(TEXTS)
@example("a\U00020bb7\U00020bb7b\U00020bb7京都です")
def test_spans_ascend_and_give_the_tokens_again(text):
    """Each surface form, read alone, is that one token."""
    end = 0
    for token in token_spans(text):
        assert end <= token.start < token.end <= len(text)
        end = token.end
    assert [token.text for token in token_spans(text)] == tokenize(text)


@given(st.text(st.characters(codec="ascii")) | st.text("aB1'?!.,:;=-()DPp/%& \n", max_size=40))
@example("what?!!?? :-)!! :Da a'b''c 1a 12.5,3x $5 a_b __ \x1c")
def test_texts_of_ascii_are_read_by_a_pattern_of_their_own(text):
    assert tokenize(text) == [token.text for token in token_spans(text)]


@few
@given(TEXTS)
def test_the_token_is_the_normal_form_of_its_surface(text):
    for token in token_spans(text):
        surface = text[token.start : token.end].replace("\u2019", "'")
        folded = unicodedata.normalize("NFKC", surface).replace("\u0130", "i").casefold()
        folded = unicodedata.normalize("NFKC", folded)
        for sign, apostrophe in {
            "\u2019": "'",
            "\u02bc": "'",
            "\u05f3": "'",
            "\u05f4": '"',
        }.items():
            folded = folded.replace(sign, apostrophe)
        folded = re.sub(rf"[\s\u0640{UNSEEN_INSIDE}]", "", folded)  # nor how it is drawn
        assert token.text == folded or set(surface) == {surface[0]}


@few
@given(TEXTS)
@example("\u00a8 \u037a \ufdfa \u2017")
def test_tokens_are_never_empty_and_hold_no_white_space(text):
    for token in tokenize(text):
        assert token
        assert not any(letter.isspace() for letter in token)


@few
@given(TEXTS)
def test_no_letter_or_digit_is_lost(text):
    covered = set()
    for token in token_spans(text):
        covered.update(range(token.start, token.end))
    lost = {letter for place, letter in enumerate(text) if place not in covered}
    assert not any(map(str.isalnum, lost - {"\u0640"}))  # which makes a word longer on paper


@few
@given(SPACES, TEXTS, SPACES)
def test_surrounding_spaces_and_line_ends_change_nothing(before, text, after):
    assert tokenize(before + text + after) == tokenize(text)


@few
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_the_kind_of_line_end_changes_nothing(lines):
    spaced, unix, dos = (tokenize(end.join(lines)) for end in (" ", "\n", "\r\n"))
    assert spaced == unix == dos


# What ought never to stop the work


def test_nul_and_lone_surrogates_part_words():
    assert tokenize("x\x00y \ud800z\udfff 北\x00京\ud800") == ["x", "y", "z", "北", "京"]


@pytest.mark.parametrize(
    ("text", "n_tokens"),
    [
        ("a" * 1_000_000, 1),
        ("1," * 500_000, 1),
        ("a'" * 500_000, 1),
        ("!" * 1_000_000, 1),
        ("a" + "\u0301" * 999_999, 1),
        (":-" * 500_000, 0),
        ("word " * 200_000, 200_000),
    ],
    ids=["letters", "digits", "apostrophes", "signs", "marks", "eyes", "words"],
)
def test_a_line_of_a_megabyte(text, n_tokens):
    """Linear in the length: a pattern that tries again and again would take hours."""
    assert len(tokenize(text)) == n_tokens


def test_a_long_line_without_spaces():
    assert tokenize("北京大学" * 20_000) == ["北京", "大学"] * 20_000


# Languages


def test_pretokenized_text_is_split_at_white_space_only():
    text = " Don't_Stop\u3000ﬁ, !!\n北京\t:) "
    spans = token_spans(text, PRETOKENIZED)
    assert [token.text for token in spans] == ["Don't_Stop", "ﬁ,", "!!", "北京", ":)"]
    assert all(text[token.start : token.end] == token.text for token in spans)


@few
@given(TEXTS)
def test_pretokenized_is_python_split(text):
    assert tokenize(text, PRETOKENIZED) == text.split()


@pytest.mark.parametrize("language", ["English", "e", "", "en us", "../zh", "AUTO", None, 3, "zz!"])
def test_a_language_that_is_none_is_refused(language):
    with pytest.raises(ConfigError, match=r"^language is .*; allowed are 'auto', 'pretokenized'"):
        tokenize("text", language)


def test_how_a_picture_is_drawn_makes_no_difference():
    assert tokenize("❤") == tokenize("❤\ufe0f") == tokenize("❤\ufe0e") == ["❤"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('צה"ל צה\u05f4ל "צהל" ג\u05f3ורג', ['צה"ל', 'צה"ל', "צהל", "ג'ורג"]),
        ("كـــتاب كتاب ـ", ["كتاب", "كتاب"]),
        ("٣٫٥ ١٬٢٣٤", ["٣٫٥", "١٬٢٣٤"]),
        ("п'ять п\u2019ять п\u02bcять", ["п'ять"] * 3),
        ("Dampf\u00adschiff Dampfschiff", ["dampfschiff"] * 2),
        ("של\u200fום\u200f ab\u2060c x\u00ad y", ["שלום", "abc", "x", "y"]),
        ("ราคา ฿100", ["ราคา", "฿", "100"]),
        ("៛500", ["៛", "500"]),
        ("İZMİR I\u0307zmir", ["izmir", "izmir"]),
        ("葛\U000e0100飾区", tokenize("葛飾区")),
    ],
    ids=[
        "gershayim",
        "kashida",
        "decimals",
        "apostrophe",
        "hyphen",
        "direction",
        "baht",
        "riel",
        "dot",
        "variant",
    ],
)
def test_what_is_one_word_to_who_reads_the_language(text, tokens):
    assert tokenize(text) == tokens
    assert [token.text for token in token_spans(text)] == tokens


def test_spans_of_letters_that_are_composed_for_icu():
    text = "カ\u3099ス 葛\U000e0100飾区"
    surfaces = [text[token.start : token.end] for token in token_spans(text)]
    assert "".join(surfaces) == text.replace(" ", "")
    assert surfaces[0] == "カ\u3099ス"


@pytest.mark.parametrize("language", [AUTO, "tr"])
@pytest.mark.parametrize(
    "text",
    [
        "カスタマーサポートにガイドを送った",
        "Élève đổi İZMİR ISPARTA iğdır Größe",
        "한국어를 배워요",
        "ក្រុមហ៊ុន ဦးစားပေး น้ำ ໜໍ້",
        "क़लम ড় Ὀδυσσεύς أحمد إلى",
    ],
)
def test_composed_and_decomposed_letters_give_the_same_tokens(text, language):
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert tokenize(composed, language) == tokenize(decomposed, language)


@few
@given(TEXTS)
@example("ポパ 㐀가0")
def test_the_normal_form_of_a_text_makes_no_difference(text):
    composed = unicodedata.normalize("NFC", text)
    assert tokenize(composed) == tokenize(unicodedata.normalize("NFD", composed))


def test_zero_width_joiners_stand_inside_words():
    assert len(tokenize("می\u200cخواهم")) == 1
    assert tokenize("ab\u200c cd") == ["ab", "cd"]


# Punctuation

READ_TOO = "auto+signs"
SIGNS_OF_ALL_KINDS = st.lists(
    st.one_of(st.sampled_from([*".,:;()-='\"!?/_<%D\u201c\u2026\u2014\uff0c\u3002ab1 中"]), PIECES),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, you... (me)", ["hello", ",", "you", "..", "(", "me", ")"]),
        ("don't :-) ok", ["don't", ":-)", "ok"]),
        ("a -- b - c \u2013 d \u2014 e", ["a", "--", "b", "-", "c", "-", "d", "-", "e"]),
        ("\u201cx\u201d \u00aby\u00bb 'z'", ['"', "x", '"', '"', "y", '"', "'", "z", "'"]),
        ("3.50, no!!! really?", ["3.50", ",", "no", "!", "really", "?"]),
        ("http://t.co", ["http", ":/", "/", "t", ".", "co"]),
        ("snake_case ::) =====", ["snake", "_", "case", ":", ":)", *"====="]),
        ("很好\uff0c真的\u3002\u2026\u2026", ["很好", ",", "真的", "\u3002", ".."]),
        ("\u2026 -- \u3002", []),
        ("?", ["?"]),
    ],
)
def test_punctuation_is_read_too_on_request(text, tokens):
    assert tokenize(text, READ_TOO) == tokens


@given(SIGNS_OF_ALL_KINDS)
@example(":))))")
@example("=D(=D")
@example("\u2026?!")
def test_words_are_what_is_left_without_punctuation(text):
    both = tokenize(text, READ_TOO)
    assert [token for token in both if not is_sign(token)] == tokenize(text)
    assert [token.text for token in token_spans(text, READ_TOO)] == both
    assert tokenize(text, "auto+words") == tokenize(text)


@given(SIGNS_OF_ALL_KINDS)
def test_punctuation_of_ascii_is_read_as_elsewhere(text):
    ascii_text = text.encode("ascii", "ignore").decode()
    elsewhere = tokenize(f"{ascii_text} \u00e9", READ_TOO)[:-1]  # which has a word in any case
    assert tokenize(f"{ascii_text} e", READ_TOO)[:-1] == elsewhere


def test_what_a_language_says_of_punctuation():
    assert [*map(leaves_signs_open, ("auto", "tr", "pretokenized"))] == [True, True, False]
    assert [*map(leaves_signs_open, ("auto+signs", "zh+words"))] == [False, False]
    assert with_signs("zh-Hans") == "zh-Hans+signs"
    assert [*map(with_signs, ("zh+words", "pretokenized"))] == ["zh+words", "pretokenized"]
    assert tokenize("I, too", "tr+signs") == ["ı", ",", "too"]
    for wrong in ("auto+sign", "+signs", "pretokenized+signs", 5):
        with pytest.raises(ConfigError, match=r"'\+signs' or '\+words' behind it"):
            leaves_signs_open(wrong)
