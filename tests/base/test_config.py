from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.config import (
    check_choice,
    check_range,
    check_whole_number,
    from_dict,
    to_dict,
)
from gatewise.base.errors import ConfigError


@dataclass(frozen=True)
class Oven:
    degrees: float
    fan: bool = True
    racks: tuple[int, ...] = (1, 3)

    def __post_init__(self):
        check_range("degrees", self.degrees, 30.0, 250.0)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.float64(1), np.int64(0), -0.0])
def test_numbers_inside_the_range_pass(value):
    check_range("share", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [-1e-12, 1.0001, np.inf, -np.inf, 2, np.int64(-1), 10**400])
def test_numbers_outside_the_range_are_refused(value):
    with pytest.raises(ConfigError, match=r"^share is .*; allowed is 0 to 1$"):
        check_range("share", value, 0, 1)


@pytest.mark.parametrize("value", [True, False, "0.5", None, float("nan"), np.nan, 1j, [0.5]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        check_range("share", value, 0.0, 1.0)
    assert str(caught.value) == f"share is {value!r}; it must be a number from 0.0 to 1.0"


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(7)])
def test_whole_numbers_inside_the_range_pass(value):
    check_whole_number("layers", value, 1, 7)


@pytest.mark.parametrize("value", [2.0, 2.5, np.float64(2), True, "2", None, float("nan")])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        check_whole_number("layers", value, 1, 7)
    assert str(caught.value) == f"layers is {value!r}; it must be a whole number from 1 to 7"


@pytest.mark.parametrize("value", [0, 8, -3, np.int64(8)])
def test_whole_numbers_outside_the_range_are_refused(value):
    with pytest.raises(ConfigError, match=r"^layers is .*; allowed is 1 to 7$"):
        check_whole_number("layers", value, 1, 7)


def test_choices():
    check_choice("fruit", "apple", ("apple", "pear"))
    check_choice("fruit", None, (None, 1))
    with pytest.raises(ConfigError) as caught:
        check_choice("fruit", "plum", ("apple", "pear"))
    assert str(caught.value) == "fruit is 'plum'; it must be one of 'apple', 'pear'"
    with pytest.raises(ConfigError, match=r"^fruit is array\(\[1, 2\]\); it must be one of 1, 2"):
        check_choice("fruit", np.array([1, 2]), (1, 2))


@given(st.floats(30, 250), st.booleans(), st.lists(st.integers()).map(tuple))
def test_a_setting_survives_the_way_through_a_dict(degrees, fan, racks):
    oven = Oven(degrees, fan, racks)
    assert from_dict(Oven, to_dict(oven)) == oven
    assert to_dict(oven) == {"degrees": degrees, "fan": fan, "racks": racks}


def test_defaults_may_be_left_out_of_the_dict():
    assert from_dict(Oven, {"degrees": 180.0}) == Oven(180.0)


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Oven(180.0).degrees = 20.0


def test_an_unknown_setting_is_named():
    with pytest.raises(ConfigError, match=r"^Oven has no setting 'grill'$"):
        from_dict(Oven, {"degrees": 180.0, "zeal": 1, "grill": 2})


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match=r"^Oven cannot be made from .*'degrees'"):
        from_dict(Oven, {"fan": False})


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(ConfigError, match="degrees is 20"):
        from_dict(Oven, {"degrees": 20})
