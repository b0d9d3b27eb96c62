"""Every setting takes a list: what is typed, and what it becomes."""

import inspect

import pytest

from gatewise.base.errors import ConfigError
from gatewise.cli.search_settings import searched_settings, with_searched_settings
from gatewise.cli.settings import SETTINGS
from gatewise.cli.tune import tune

OWN = {"random_state", "class_weight", "abstain_coverage", "abstain_precision", "keep_texts"}
OWN |= {"word2vec_workers"}
SEARCHED = [one for one in SETTINGS if one.name not in OWN]


@pytest.mark.parametrize(
    ("name", "typed", "values"),
    [
        ("units", "64", [64]),
        ("units", "32,64,128", [32, 64, 128]),
        ("units", " 32 , 64 ", [32, 64]),
        ("projection", "-1,0", [-1, 0]),
        ("units", "16:512", (16, 512)),
        ("units", " 16 : 512 ", (16, 512)),
        ("projection", "-1:8", (-1, 8)),
        ("dropout", "0.5,.25,1", [0.5, 0.25, 1.0]),
        ("dropout", "0:0.5", (0.0, 0.5)),
        ("learning_rate", "1e-4:1e-2", (1e-4, 1e-2)),
        ("pooling", "max", ["max"]),
        ("pooling", "max, mean", ["max", "mean"]),
        ("language", "a:b", ["a:b"]),
        ("bidirectional", "true,false", [True, False]),
        ("bidirectional", "Yes,no,ON,off,1,0", [True, False, True, False, True, False]),
        ("companion", " false ", [False]),
    ],
)
def test_what_is_typed_becomes_values(name, typed, values):
    found = searched_settings({name: typed})
    assert found == {name: values}
    ones = zip(found[name], values, strict=True)
    assert all(type(one) is type(value) for one, value in ones)
    assert type(found[name]) is type(values)


def test_what_is_not_typed_is_not_there():
    assert searched_settings({}) == {}
    assert searched_settings({"units": None, "layers": "2", "pooling": None}) == {"layers": [2]}


@pytest.mark.parametrize(
    ("name", "typed", "bad", "takes"),
    [
        ("units", "many", "many", "whole numbers"),
        ("units", "64,1.5", "1.5", "whole numbers"),
        ("units", "64 128", "64 128", "whole numbers"),
        ("units", "", "", "whole numbers"),
        ("units", " ", " ", "whole numbers"),
        ("units", "64,", "", "whole numbers"),
        ("units", ",64", "", "whole numbers"),
        ("units", "64,,128", "", "whole numbers"),
        ("units", "16:", "", "whole numbers"),
        ("units", ":512", "", "whole numbers"),
        ("units", "16:64:512", "64:512", "whole numbers"),
        ("units", "16:32,64", "32,64", "whole numbers"),
        ("units", "16:1e3", "1e3", "whole numbers"),
        ("dropout", "half", "half", "numbers"),
        ("dropout", "0.1:x", "x", "numbers"),
        ("dropout", "0,5;0,6", "5;0", "numbers"),
        ("pooling", "", "", "words"),
        ("pooling", "max,", "", "words"),
        ("bidirectional", "", "", "true or false"),
        ("bidirectional", "true,maybe", "maybe", "true or false"),
        ("bidirectional", "false:true", "false:true", "true or false"),
    ],
)
def test_what_is_of_another_kind(name, typed, bad, takes):
    with pytest.raises(ConfigError) as caught:
        searched_settings({name: typed})
    told = f"{name} has the value {bad!r}; it takes {takes}, with commas between them"
    assert str(caught.value) == told


# As options


def test_every_setting_is_an_option_but_those_that_a_run_has_of_its_own():
    names = [setting.name for setting in SEARCHED]
    assert len(names) == len(SETTINGS) - len(OWN)
    options = inspect.signature(tune).parameters
    assert {*names, "seed", "class_weight"} <= set(options)
    assert "settings" not in options
    assert "random_state" not in options
    for name in names:
        assert options[name].default is None
        assert options[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_what_a_command_has_itself_comes_first():
    @with_searched_settings
    def command(a: int = 1, *, b: str = "", **settings: object) -> None: ...

    names = [setting.name for setting in SEARCHED]
    assert list(inspect.signature(command).parameters) == ["a", "b", *names]


@pytest.mark.parametrize("setting", SEARCHED, ids=lambda setting: setting.name)
def test_what_is_typed_arrives(typed_to_tune, setting):
    flag = f"--{setting.name.replace('_', '-')}"
    assert typed_to_tune(f"{flag} a,b") == {setting.name: "a,b"}


@pytest.fixture
def typed_to_tune(gatewise, tmp_path, monkeypatch):
    """Type options; returns the settings that the command has found among them."""
    given = {}

    def read(typed):
        given.update({name: text for name, text in typed.items() if text is not None})
        raise ConfigError("that is all")

    monkeypatch.setattr("gatewise.cli.tune.searched_settings", read)

    def run(options):
        result = gatewise(f"tune {options} --out {tmp_path}/run {tmp_path}/none.csv")
        assert result.stderr == "gatewise: that is all\n"
        return given

    return run


def test_the_other_word_of_a_pair_is_no_option(gatewise, tmp_path):
    result = gatewise(f"tune --no-fixed-length --out {tmp_path}/run {tmp_path}/none.csv")
    assert result.exit_code == 2
    assert "no such option" in result.stderr


def test_a_wrong_value_is_said_in_one_line_and_before_the_data_are_read(fails, tmp_path):
    told = fails(f"tune --units 64,many --out {tmp_path}/run {tmp_path}/none.csv")
    assert told.startswith("units has the value 'many'; it takes whole numbers")
    assert not (tmp_path / "run").exists()


def test_help_shows_every_option(gatewise, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 200, raising=False)
    told = gatewise("tune --help").stdout
    for setting in SEARCHED:
        assert f"--{setting.name.replace('_', '-')} " in told
    assert "A,B,..." in told
    assert "Regularisation, lists with commas" in told
