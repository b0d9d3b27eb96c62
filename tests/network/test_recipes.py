from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.network.config import NetworkConfig
from gatewise.network.recipes import RECIPES, Recipe, choose_recipe
from gatewise.network.training import TrainingConfig
from gatewise.vectors.word2vec import Word2VecConfig


def check(recipe, **expected):
    assert {name: getattr(recipe, name) for name in expected} == expected


def test_the_question_as_it_was_asked():
    check(
        choose_recipe("classic"),
        embedding="frozen",
        word_dimension=300,
        spatial_dropout=0.3,
        dropout=0.5,
        units=300,
        layers=1,
        activation="relu",
        bidirectional=False,
        pooling="flatten",
        fixed_length=True,
        learning_rate=1e-3,
        batch_size=32,
        warmup=0.0,
        gradient_clip=0.0,
        label_smoothing=0.0,
        weight_decay=0.0,
        companion=False,
    )


def test_the_answer_as_it_was_given():
    check(
        choose_recipe("minimal"),
        embedding="random",
        word_dimension=50,
        spatial_dropout=0.2,
        dropout=0.0,
        recurrent_dropout=0.2,
        units=10,
        activation="tanh",
        pooling="last",
        fixed_length=False,
        companion=False,
    )


def test_the_default_has_all_parts():
    check(
        choose_recipe("modern"),
        embedding="fine-tuned",
        bidirectional=True,
        activation="tanh",
        output="softmax",
        companion=True,
    )
    assert choose_recipe("modern").ngram_dimension > 0


OPEN = "epochs", "batch_size", "word2vec_passes", "final_epochs", "word_rate", "word2vec_sample"
OPEN += ("projection", "adversarial")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_settings_that_are_allowed(name):
    """What the data decide is 0 or -1 here, and set to something that could be decided."""
    values = asdict(choose_recipe(name))
    for open_one in OPEN:
        values[open_one] = max(1, values[open_one])
    sizes = {"n_words": 10, "n_ngrams": 10, "n_classes": 2}
    for kind, extra in ((NetworkConfig, sizes), (TrainingConfig, {})):
        names = {field.name for field in fields(kind)} & set(values)
        kind(**{field: values[field] for field in names} | extra)
    Word2VecConfig(
        dimension=values["word_dimension"],
        algorithm=values["word2vec_algorithm"],
        window=values["word2vec_window"],
        sample=values["word2vec_sample"],
        passes=values["word2vec_passes"],
        min_count=values["min_count"],
    )


def test_every_setting_of_the_training_is_in_a_recipe():
    assert {field.name for field in fields(TrainingConfig)} <= {
        field.name for field in fields(Recipe)
    }


def test_changes_replace_and_none_leaves():
    changed = choose_recipe("minimal", units=77, dropout=0.0, pooling=None, companion=True)
    expected = asdict(RECIPES["minimal"]) | {"units": 77, "dropout": 0.0, "companion": True}
    assert asdict(changed) == expected
    assert choose_recipe("minimal") == RECIPES["minimal"]


def test_parameters_that_are_no_part_of_a_recipe_are_passed_over():
    assert choose_recipe("modern", device="cpu", random_state=3) == RECIPES["modern"]


def test_numbers_of_numpy_become_plain_ones():
    """A search over an array brings them; JSON does not know them."""
    recipe = choose_recipe(
        "modern", units=np.int64(7), dropout=np.float32(0.25), companion=np.bool_(False)
    )
    assert [type(recipe.units), type(recipe.dropout), type(recipe.companion)] == [int, float, bool]
    assert (recipe.units, recipe.dropout, recipe.companion) == (7, 0.25, False)


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ConfigError, match="it must be one of 'modern', 'classic', 'minimal'"):
        choose_recipe("clasic")


def test_arrays_are_no_values():
    with pytest.raises(ConfigError, match=r"^units is array\(\[ 64, 128\]\); it must be one value"):
        choose_recipe("modern", units=np.array([64, 128]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("embedding", "glove"),
        ("bidirectional", "yes"),
        ("fixed_length", 2),
        ("companion", "no"),
        ("vector_scale", -1.0),
        ("max_length", 0),
        ("max_length", 10.5),
        ("epochs", -1),
        ("epochs", 1.5),
        ("final_epochs", -2),
        ("batch_size", -1),
        ("word2vec_passes", 2.5),
    ],
)
def test_values_that_are_not_allowed(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is {value!r}"):
        choose_recipe("modern", **{name: value})
