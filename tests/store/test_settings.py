import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.config import check_range
from gatewise.base.errors import ModelFileError
from gatewise.store.settings import (
    check_keys,
    decode,
    encode,
    from_plain,
    has_type,
    settings_from_json,
    settings_to_json,
    settle,
    strings,
    to_plain,
)

SOURCE = Path("folder/file.json")


@dataclass(frozen=True)
class Settings:
    number: int
    share: float
    name: str
    flag: bool
    perhaps: float | None = None

    def __post_init__(self):
        check_range("share", self.share, 0.0, 1.0)


GOOD = {"number": 4, "share": 0.5, "name": "x", "flag": True, "perhaps": None}

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@given(plain_values)
def test_values_come_back(value):
    assert from_plain(decode(encode(to_plain(value)), SOURCE)) == value


@given(st.text(st.characters()), st.text(st.characters(categories=["Cs"]), max_size=1))
def test_half_a_surrogate_pair_comes_back(text, half):
    value = [f"{text} {half}"]
    assert decode(encode(value), SOURCE) == value


def test_text_stays_readable_where_it_can():
    assert "日本".encode() in encode(["日本"])
    assert b"\\ud800" in encode(["\ud800"])
    assert encode({"b": 1, "a": "\ud800"}) == b'{\n "a": "\\ud800",\n "b": 1\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_are_not_finite_come_back(value):
    content = encode(to_plain({"losses": [value, 1.0]}))
    found = from_plain(decode(content, SOURCE))
    np.testing.assert_array_equal(found["losses"], [value, 1.0])


def test_only_our_own_mark_is_a_float():
    value = {"float": "nan?", "other": {"float": "nan", "more": 1}, "deep": {"float": ["nan"]}}
    assert from_plain(value) == value


def test_numpy_values_become_plain():
    value = {"a": np.float32(0.5), 2: (np.int64(3), np.bool_(True)), "c": np.arange(3), "d": None}
    plain = to_plain(value)
    assert plain == {"a": 0.5, "2": [3, True], "c": [0, 1, 2], "d": None}
    assert [type(item) for item in plain["2"]] == [int, bool]
    assert type(to_plain(np.str_("x"))) is str


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b'"\xff"', "codec"),
        (b"NaN", "not a finite"),
        (b"[-Infinity]", "not a finite"),
        (b"[1e999]", "not a finite"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[" * 100_000, "recursion"),
        (b"1" * 5000, "digits"),
        (b"\x80\x04\x95", "codec"),
    ],
)
def test_what_is_no_json_of_ours_is_refused(content, reason):
    with pytest.raises(ModelFileError, match=rf"folder/file\.json cannot be read.*{reason}"):
        decode(content, SOURCE)


def test_settings_come_back():
    settings = Settings(4, 0.25, "x", True)
    assert settings_from_json(Settings, settings_to_json(settings), SOURCE) == settings


def test_settings_that_equal_their_type_get_it():
    values = settings_to_json(Settings(np.float64(4.0), np.float32(0.5), np.str_("x"), 1))
    assert values == GOOD
    assert [type(value) for value in values.values()] == [int, float, str, bool, type(None)]


def test_what_equals_no_value_of_the_type_stays():
    assert settle(4.5, int) == 4.5
    assert settle(2, bool) == 2
    assert settle(1, int | bool) == 1
    assert settle("x", int | None) == "x"


def test_fields_can_be_left_out_and_given():
    values = settings_to_json(Settings(4, 0.25, "x", True), leave_out=("number",))
    assert "number" not in values
    found = settings_from_json(Settings, values, SOURCE, number=5)
    assert found == Settings(5, 0.25, "x", True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": 4.0}, "4.0 for the setting 'number' of Settings"),
        ({"number": True}, "True for the setting 'number'"),
        ({"number": None}, "None for the setting 'number'"),
        ({"share": "0.5"}, "'0.5' for the setting 'share'"),
        ({"share": False}, "False for the setting 'share'"),
        ({"flag": 1}, "1 for the setting 'flag'"),
        ({"name": ["x"]}, r"\['x'\] for the setting 'name'"),
        ({"perhaps": {}}, "{} for the setting 'perhaps'"),
        ({"share": 2}, "not allowed: share is 2"),
        ({"novel": 2}, "the entry 'novel' in Settings, which this version"),
    ],
)
def test_wrong_settings_are_refused(change, reason):
    with pytest.raises(ModelFileError, match=rf"folder/file\.json.*{reason}"):
        settings_from_json(Settings, {**GOOD, **change}, SOURCE)


def test_missing_settings_are_refused():
    for field in dataclasses.fields(Settings):
        values = {name: value for name, value in GOOD.items() if name != field.name}
        with pytest.raises(ModelFileError, match=f"lacks the entry '{field.name}'"):
            settings_from_json(Settings, values, SOURCE)


@pytest.mark.parametrize("values", [None, [], "number", 4])
def test_only_a_dict_has_keys(values):
    with pytest.raises(ModelFileError, match="where the thing should be"):
        check_keys(values, {"number"}, SOURCE, "the thing")


@pytest.mark.parametrize("values", [None, "ab", ["a", 1], {"a": "b"}, [["a"]]])
def test_only_a_list_of_strings_will_do(values):
    with pytest.raises(ModelFileError, match="list of strings for the words"):
        strings(values, SOURCE, "the words")
    assert strings(["a", ""], SOURCE, "the words") == ["a", ""]


def test_an_int_will_do_for_a_float_and_nothing_else_for_another():
    assert has_type(1, float)
    assert has_type(1.5, float | None)
    assert has_type(None, float | None)
    assert not has_type(True, float)
    assert not has_type(1.0, int)
    assert not has_type([], list[int])
