"""Every parameter of the estimator is an option of the command."""

import inspect
from dataclasses import fields

import numpy as np
import pytest

from gatewise.base.seeding import MAX_SEED
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.plan import settle_recipe
from gatewise.cli import train as train_module
from gatewise.cli.options import LARGEST_SEED
from gatewise.cli.settings import _CHOSEN, SETTINGS, given_settings, with_settings
from gatewise.network.recipes import RECIPES, Recipe

PARAMETERS = inspect.signature(TextClassifier.__init__).parameters
OPTIONS = inspect.signature(train_module.train).parameters


def test_no_parameter_is_missing_and_none_is_too_many():
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))
    assert {*names, "vectors", "unlabelled"} == set(PARAMETERS) - {"self"}


def test_train_has_them_all():
    assert set(PARAMETERS) - {"self"} <= set(OPTIONS)
    assert "settings" not in OPTIONS


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_option_has_the_type_of_its_parameter(setting):
    annotation = str(PARAMETERS[setting.name].annotation)
    kind = "str" if setting.name == "class_weight" else setting.kind.__name__
    assert kind in annotation
    assert setting.help.endswith(".")


def test_the_help_tells_what_the_recipes_have(gatewise, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    told = gatewise("train --help").stdout
    assert "Hidden units of the LSTM per direction. (128; classic 300; minimal 10)" in told
    assert "Read backwards as well. (yes; classic, minimal no)" in told
    assert "Neighbours on each side. (5)" in told
    assert "Times all texts are read; 0: chosen. (chosen; classic, minimal 10)" in told


def test_chosen_is_what_is_left_to_the_data():
    settled, _ = settle_recipe(RECIPES["modern"], np.full(30_000, 9))
    left = {
        field.name: getattr(RECIPES["modern"], field.name)
        for field in fields(Recipe)
        if getattr(settled, field.name) != getattr(RECIPES["modern"], field.name)
    }
    assert {**left, "final_epochs": -1} == _CHOSEN  # it depends on the epochs that were needed


def test_flags():
    flags = {setting.name: setting.flags for setting in SETTINGS}
    assert flags["random_state"] == "--seed"
    assert flags["word_dimension"] == "--word-dimension"
    assert flags["fixed_length"] == "--fixed-length/--no-fixed-length"


def test_help_shows_every_option(gatewise, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 200, raising=False)
    told = gatewise("train --help").stdout
    for setting in SETTINGS:
        assert setting.flags.split("/")[0] in told


@pytest.fixture
def passed_on(monkeypatch, gatewise, tmp_path):
    """Train with some options; returns what TextClassifier was made with."""

    class StopError(Exception):
        pass

    def run(options):
        given = {}

        def made(**settings):
            given.update(settings)
            raise StopError

        monkeypatch.setattr(train_module, "check_settings", lambda chosen: None)
        monkeypatch.setattr("gatewise.classify.classifier.TextClassifier", made)
        (tmp_path / "d.csv").write_text("text,label\none text,a\nother text,b\n")
        with pytest.raises(pytest.fail.Exception, match="StopError"):
            gatewise(f"train {tmp_path}/d.csv --out {tmp_path}/m {options}")
        return given

    return run


def test_nothing_typed_leaves_everything_to_the_recipe(passed_on):
    assert passed_on("") == {"class_weight": None}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_what_is_typed_arrives(passed_on, setting):
    if setting.name == "class_weight":
        assert passed_on("--class-weight a=2 --class-weight b=0.5") == {
            "class_weight": {"a": 2.0, "b": 0.5}
        }
        return
    on, _, off = setting.flags.partition("/")
    typed = {int: ("7", 7), float: ("0.5", 0.5), str: ("tanh", "tanh"), bool: ("", True)}
    typed_value, value = typed[setting.kind]
    given = passed_on(f"{on} {typed_value}")
    assert given.pop(setting.name) == value
    assert given == {"class_weight": None}
    if off:
        assert passed_on(off)[setting.name] is False


def test_a_command_may_take_only_some():
    @with_settings("units")
    def command(a: int = 1, **settings: object) -> None: ...

    assert list(inspect.signature(command).parameters) == ["a", "units"]


def test_zero_and_false_are_given_and_none_is_not():
    given = given_settings({"a": 0, "b": False, "c": None, "d": [], "e": ""})
    assert given == {"a": 0, "b": False, "e": ""}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train d.csv --out m --seed -1", "invalid value for '--seed'"),
        ("tune d.csv --out r --seed -1", "invalid value for '--seed'"),
        ("train d.csv --out m --recipe x", "recipe is 'x'"),
        ("train d.csv --out m --dropout 1.5", "dropout is 1.5"),
        ("train d.csv --out m --abstain-coverage 2", "abstain_coverage is 2.0"),
        ("train d.csv --out m --precision x", "precision is 'x'"),
        ("tune d.csv --out r --trials 5", "--trials is about optuna"),
        ("tune d.csv --out r --abstain-coverage 2", "abstain_coverage is 2.0"),
        ("tune d.csv --out r --no-final --keep-texts", "--keep-texts is about the model"),
        ("tune d.csv --out r --no-final --abstain-precision 0.9", "--abstain-precision is about"),
        ("tune d.csv --out file", "file is a file; give --out a folder for the run"),
        ("compare d.csv --out other", "holds something else than a run of gatewise"),
        ("audit d.csv --out file", "file is a file; give --out a folder for the run"),
        ("audit d.csv --out r --keep-texts", "no such option: --keep-texts"),
        ("compare d.csv --out r --abstain-coverage 0.9", "no such option: --abstain-coverage"),
        ("export m --to onnx --out x --text a", "--text names a column of the file given with"),
    ],
)
def test_what_cannot_be_is_said_before_the_data_are_read(
    fails, tmp_path, monkeypatch, command, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    assert words in fails(command)  # d.csv is not there
    assert not (tmp_path / "r").exists()


def test_the_largest_seed_is_that_of_the_generators():
    assert LARGEST_SEED == MAX_SEED
