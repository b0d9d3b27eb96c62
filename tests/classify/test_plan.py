from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.classify.plan import (
    check_recipe,
    choose_adversarial,
    choose_batch_size,
    choose_epochs,
    choose_held_out,
    choose_max_features,
    choose_passes,
    choose_projection,
    choose_sample,
    choose_word_rate,
    has_long_texts,
    last_epochs,
    last_epochs_config,
    network_config,
    settle_recipe,
    training_config,
)
from gatewise.network.recipes import RECIPES, choose_recipe
from gatewise.network.training import TrainingConfig
from gatewise.text.vocabulary import Vocabulary

OPEN = {
    "epochs": 0,
    "batch_size": 0,
    "word2vec_passes": 0,
    "final_epochs": -1,
    "projection": -1,
    "word_rate": -1,
    "word2vec_sample": -1,
    "adversarial": -1,
}
SETTLED = {
    "epochs": 7,
    "batch_size": 33,
    "word2vec_passes": 9,
    "final_epochs": 0,
    "projection": 5,
    "word_rate": 0.6,
    "word2vec_sample": 0.0,
    "adversarial": 0.2,
}
LENGTHS = np.array([3, 0, 12, 7, 30])
EMPTY = "texts without a word or number, from which nothing can be learnt: 1 of 5"


# What the data decide


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_left_open(name):
    settled, _ = settle_recipe(choose_recipe(name), LENGTHS)
    training_config(settled)
    assert settled.word2vec_passes >= 1
    assert settled.final_epochs >= 0


def test_what_was_given_stays():
    recipe = choose_recipe("modern", max_length=50, **SETTLED)
    assert settle_recipe(recipe, LENGTHS) == (recipe, [EMPTY])


def test_what_was_left_open_is_chosen_from_the_tokens_that_are_read():
    recipe = choose_recipe("modern", max_length=10, **OPEN)
    settled, _ = settle_recipe(recipe, LENGTHS)
    n_read, n_all = 3 + 0 + 10 + 7 + 10, int(LENGTHS.sum())
    assert settled.batch_size == choose_batch_size(n_read, 5)
    assert settled.epochs == choose_epochs(n_read, -(-5 // settled.batch_size))
    assert settled.word2vec_passes == choose_passes(n_all)
    further, _ = settle_recipe(recipe, LENGTHS, n_unlabelled_tokens=5_000_000)
    assert further.word2vec_passes == choose_passes(n_all + 5_000_000) == 4
    assert settled.final_epochs == last_epochs(settled.epochs)
    assert settled.projection == choose_projection(5) == 128
    assert settled.word_rate == choose_word_rate(n_all / 5)
    assert settled.word2vec_sample == choose_sample(n_all) == 1e-3
    assert settled.adversarial == choose_adversarial(n_read) == 0.03
    others = asdict(recipe).keys() - OPEN.keys()
    assert all(getattr(settled, name) == getattr(recipe, name) for name in others)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6))
def test_more_tokens_need_no_more_readings(first, second, n_steps):
    few, many = sorted([first, second])
    assert choose_epochs(few, n_steps) >= choose_epochs(many, n_steps) >= 1
    assert choose_passes(few) >= choose_passes(many) >= 1


@pytest.mark.parametrize(
    ("n_tokens", "passes"),
    [(0, 100), (14_000, 71), (40_000, 25), (60_000, 20), (900_000, 20), (2_000_000, 10)],
)
def test_word2vec_reads_few_texts_more_often(n_tokens, passes):
    assert choose_passes(n_tokens) == passes


@pytest.mark.parametrize(
    ("n_tokens", "n_steps", "epochs"),
    [
        (15_000, 60, 80),  # a thousand short texts
        (60_000, 60, 33),  # long ones
        (90_000, 62, 32),
        (90_000, 142, 22),
        (127_000, 142, 20),
        (170_000, 142, 18),
        (700, 7, 80),
        (400_000, 250, 12),
    ],
)
def test_few_records_are_read_more_often(n_tokens, n_steps, epochs):
    assert choose_epochs(n_tokens, n_steps) == epochs


@given(st.integers(1, 10**6), st.integers(0, 1000))
def test_batch_sizes_are_useful(n_records, mean_length):
    batch_size = choose_batch_size(n_records * mean_length, n_records)
    assert 1 <= batch_size <= 1024
    assert batch_size >= choose_batch_size(n_records * (mean_length + 50), n_records)


@given(st.integers(1, 1000))
def test_the_last_epochs_are_few(epochs):
    assert 1 <= last_epochs(epochs) <= max(1, epochs / 2)


# The length limit


def test_zeros_in_front_reach_no_further_than_the_longest_text():
    recipe = choose_recipe("classic", max_length=100)
    assert settle_recipe(recipe, LENGTHS)[0].max_length == 30
    assert settle_recipe(recipe, np.array([0, 0]))[0].max_length == 1
    assert settle_recipe(recipe, np.array([500]))[0].max_length == 100


def test_otherwise_the_limit_stays():
    assert settle_recipe(choose_recipe("modern", max_length=100), LENGTHS)[0].max_length == 100


def test_cut_texts_are_told_of():
    _, notes = settle_recipe(choose_recipe("modern", max_length=7, companion=True), LENGTHS)
    assert notes == [
        EMPTY,
        "2 of 5 texts (40.0%) are longer than 7 tokens; the network reads that much of them, "
        "half from either end, the n-gram companion all of it",
    ]
    _, notes = settle_recipe(choose_recipe("modern", max_length=7, companion=False), LENGTHS)
    assert notes == [
        EMPTY,
        "2 of 5 texts (40.0%) are longer than 7 tokens; the network reads that much of them, "
        "half from either end",
    ]
    _, (_, note) = settle_recipe(choose_recipe("classic", max_length=7), LENGTHS)
    assert note.endswith("the network reads that much of them, from the end")
    assert settle_recipe(choose_recipe("modern", max_length=30), LENGTHS)[1] == [EMPTY]
    assert settle_recipe(choose_recipe("modern", max_length=30), LENGTHS.clip(1))[1] == []


# From the recipe to the settings


@pytest.mark.parametrize(
    ("embedding", "frozen"), [("frozen", True), ("fine-tuned", False), ("random", False)]
)
def test_the_network_gets_its_sizes_from_the_data(embedding, frozen):
    recipe = choose_recipe(
        "modern", embedding=embedding, units=13, projection=0, pooling="max", dropout=0.25
    )
    vocabulary = Vocabulary(["a", "b", "c"], [3, 2, 1], ["<a>", "<b>"])
    config = network_config(recipe, vocabulary, ["x", "y", "z", "w"])
    assert (config.n_words, config.n_ngrams, config.n_classes) == (5, 2, 4)
    assert (config.units, config.pooling, config.dropout) == (13, "max", 0.25)
    assert config.frozen_words is frozen


def test_every_setting_of_the_training_is_handed_on():
    changes = {
        "epochs": 3,
        "batch_size": 5,
        "learning_rate": 0.5,
        "word_rate": 0.25,
        "weight_decay": 0.125,
        "warmup": 0.75,
        "gradient_clip": 8.0,
        "label_smoothing": 0.0625,
        "patience": 11,
        "adam_beta2": 0.9,
        "adam_epsilon": 0.001,
        "adversarial": 0.5,
    }
    assert changes.keys() == {field.name for field in fields(TrainingConfig)}
    assert asdict(training_config(choose_recipe("modern", **changes))) == changes


def test_the_last_epochs_are_gentle_and_do_not_stop():
    recipe = choose_recipe("modern", **SETTLED | {"final_epochs": 4})
    usual, last = training_config(recipe), last_epochs_config(recipe)
    assert last.epochs == 4
    assert last.patience == 0
    assert 0 < last.learning_rate < usual.learning_rate
    changed = {"epochs", "patience", "learning_rate"}
    same = asdict(usual).keys() - changed
    assert all(getattr(last, name) == getattr(usual, name) for name in same)


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_pass_their_own_check(name):
    check_recipe(choose_recipe(name))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rate": 99.0}, "learning_rate"),
        ({"units": 0}, "units"),
        ({"pooling": "last", "pool_vectors": True}, "pool_vectors"),
    ],
)
def test_a_setting_out_of_range_is_found_before_anything_is_computed(changes, said):
    with pytest.raises(ConfigError, match=said):
        check_recipe(choose_recipe("modern", **changes))


@pytest.mark.parametrize(
    ("n_classes", "expected"), [(2, 1_000_000), (77, 259_740), (150, 133_333), (5_000, 50_000)]
)
def test_more_classes_have_fewer_ngrams(n_classes, expected):
    assert choose_max_features(n_classes) == expected


@pytest.mark.parametrize(
    ("n_records", "share"),
    [(0, 0.2), (1_000, 0.2), (8_000, 0.1), (16_000, 0.05), (200_000, 0.05), (10**6, 0.01)],
)
def test_many_records_need_a_smaller_share_held_out(n_records, share):
    assert choose_held_out(n_records) == pytest.approx(share)


def test_long_texts_have_a_higher_word_rate():
    assert [choose_word_rate(length) for length in (0, 12, 100, 200, 900)] == [0.3, 0.3, 0.5, 1, 1]
    settled, _ = settle_recipe(choose_recipe("modern"), np.full(10, 150))
    assert settled.word_rate == 0.75
    settled, _ = settle_recipe(choose_recipe("modern", word_rate=0.0), np.full(10, 150))
    assert settled.word_rate == 0.0


def test_texts_are_moved_where_there_is_little_text():
    assert [choose_adversarial(n_tokens) for n_tokens in (10, 1_750_000, 1_750_001)] == [
        0.03,
        0.03,
        0,
    ]
    settled, _ = settle_recipe(choose_recipe("modern"), np.full(17_500, 101))
    assert settled.adversarial == 0
    settled, _ = settle_recipe(choose_recipe("modern", max_length=100), np.full(17_500, 101))
    assert settled.adversarial == 0.03
    assert settle_recipe(choose_recipe("classic"), LENGTHS)[0].adversarial == 0


def test_many_records_are_read_as_they_are_and_in_larger_batches():
    assert [choose_projection(n) for n in (19_999, 20_000)] == [128, 0]
    assert [choose_batch_size(12 * n, n) for n in (60, 1920, 12_000, 40_000, 10**6)] == [
        16,
        32,
        64,
        100,
        128,
    ]
    assert choose_batch_size(500 * 40_000, 40_000) == 16


def test_which_texts_are_long():
    assert [has_long_texts(length) for length in (0.0, 59.9, 60.0, 500.0)] == [
        False,
        False,
        True,
        True,
    ]


def test_word2vec_thins_common_words_out_of_much_text():
    assert [choose_sample(n) for n in (0, 999_999, 1_000_000, 10**8)] == [1e-3, 1e-3, 1e-4, 1e-4]
    settled, _ = settle_recipe(choose_recipe("modern"), np.full(10_000, 200))
    assert settled.word2vec_sample == 1e-4
