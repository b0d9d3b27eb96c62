import builtins
import re

import pytest

from gatewise.base import errors

LINE = re.compile(
    r"^ [├└]─ (?P<name>\w+)\s+\(also (?P<also>\w+)\)\s+(?P<meaning>.+)$", re.MULTILINE
)
DRAWN = {match["name"]: match for match in LINE.finditer(errors.__doc__)}
DEFINED = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, Exception)
}
CHILDREN = sorted(set(DEFINED) - {"GatewiseError"})


def test_the_docstring_draws_every_error_and_no_other():
    assert sorted(DRAWN) == CHILDREN
    assert "\nGatewiseError\n" in errors.__doc__


def test_all_names_every_error_in_order():
    assert errors.__all__ == sorted(DEFINED)


def test_the_root_is_an_exception_and_nothing_more_special():
    assert errors.GatewiseError.__bases__ == (Exception,)


@pytest.mark.parametrize("name", CHILDREN)
def test_the_bases_are_those_drawn(name):
    also = getattr(builtins, DRAWN[name]["also"])
    assert DEFINED[name].__bases__ == (errors.GatewiseError, also)


@pytest.mark.parametrize("name", CHILDREN)
def test_the_meaning_drawn_is_that_of_the_class(name):
    """In other words perhaps, but it starts alike."""
    drawn, told = (
        text.lower().split()[:3] for text in (DRAWN[name]["meaning"], DEFINED[name].__doc__)
    )
    assert drawn == told


@pytest.mark.parametrize("name", CHILDREN)
def test_it_is_caught_as_what_callers_expect(name):
    with pytest.raises(getattr(builtins, DRAWN[name]["also"]), match="one clear sentence"):
        raise DEFINED[name]("one clear sentence")
