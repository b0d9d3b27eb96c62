"""What a recipe leaves to the data, settled; and the recipe as the network's settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.classify.companion import CompanionConfig
from gatewise.network.config import NetworkConfig
from gatewise.network.recipes import Recipe, choose_recipe
from gatewise.network.training import TrainingConfig
from gatewise.text.vocabulary import Vocabulary
from gatewise.vectors.word2vec import Word2VecConfig

__all__ = [
    "check_recipe",
    "checked_recipe",
    "choose_adversarial",
    "choose_batch_size",
    "choose_companion_records",
    "choose_epochs",
    "choose_held_out",
    "choose_max_features",
    "choose_passes",
    "choose_projection",
    "choose_sample",
    "choose_word2vec_words",
    "choose_word_rate",
    "companion_config",
    "has_long_texts",
    "last_epochs",
    "last_epochs_config",
    "network_config",
    "settle_recipe",
    "tables_told",
    "training_config",
    "word2vec_config",
]

# Short texts in thousands gain from up to twenty readings. More text needs fewer, though more is
# read in all: the readings fall with the 0.48th power of the number of tokens.
_MOST_EPOCHS, _FEWEST_EPOCHS = 20, 3
_READINGS, _TOKENS_OF_READINGS = 20, 130_000
_FALL = 0.48
# Few records make few steps, and the weights need a number of them whatever they read: so many
# where all readings together have no more than so many tokens. A thousand short texts gain up to
# eighty readings.
_STEPS_TO_TAKE = ((2_000, 3_000_000, 32), (5_000, 2_000_000, 80))  # steps, tokens, most readings
# word2vec likewise. Of much text it may skip more of the commonest words, which saves two fifths of
# its time and leaves rarer words with vectors of a like size.
_WORD2VEC_TOKENS = 20_000_000
# Of very few texts it makes more than the usual passes: with 15 records a class that is worth 1 to
# 3 points to the LSTM.
_FEW_TOKENS = 1_000_000
_MUCH_TEXT = 1_000_000
_SAMPLE, _SAMPLE_OF_MUCH_TEXT = 1e-3, 1e-4
_FEWEST_PASSES, _USUAL_PASSES, _MOST_PASSES = 3, 20, 100
# A step should see about so many tokens, and an epoch have at least so many steps.
_TOKENS_PER_STEP = 8_000
_STEPS_PER_EPOCH = 60
_SMALLEST_BATCH, _USUAL_BATCH, _LARGEST_BATCH = 16, 64, 128
_RECORDS_PER_LARGER_BATCH = 400
# With many records it pays to read the vectors as they are, for twice the arithmetic.
_MANY_RECORDS, _PROJECTION = 20_000, 128
# The companion has a weight per n-gram and class: 80 MB of them are enough.
_COMPANION_WEIGHTS = 20_000_000
_FEWEST_FEATURES, _MOST_FEATURES = 50_000, 1_000_000
# So many held-out records are enough to judge by, and worth more as records to learn from.
_HELD_OUT = 800
_SMALLEST_SHARE, _LARGEST_SHARE = 0.05, 0.2
_MOST_HELD_OUT = 10_000
_MUCH_MEMORY = 500_000_000  # bytes of embedding tables, that are told
# The companion has the n-grams of all its texts in memory at once, a dozen for each token, and
# word2vec two tables of all words: of very many records and words some are left out.
_COMPANION_RECORDS, _COMPANION_TOKENS = 60_000, 4_000_000
_WORD2VEC_WORDS = 250_000
# Long texts are told apart by rare words, whose vectors move by about the learning rate each time
# they are read: they need a higher one.
_TOKENS_OF_FULL_WORD_RATE, _LOWEST_WORD_RATE = 200, 0.3
# In their vectors, too, the rare words of long texts must not be shorter than the common ones.
_LONG_TEXTS = 60
# Moved texts take two thirds more time, and pay as far as it was measured, which is up to here.
_MOVE, _MOST_TOKENS_MOVED = 0.03, 1_750_000
# The last epochs only have to take in the records that were held out.
_EPOCHS_PER_LAST = 9
_LAST_RATE = 0.3
_LOWEST_RATE = 1e-8  # that is allowed


def settle_recipe(
    recipe: Recipe,
    lengths: NDArray[np.int64],
    *,
    n_unlabelled_tokens: int = 0,
) -> tuple[Recipe, list[str]]:
    """Fix what a recipe leaves open: length limit, batch size, epochs, passes, rates.

    Parameters
    ----------
    recipe : Recipe
        With 0 where the data decide.
    lengths : ndarray of int64, shape (N,)
        Tokens of each training text.
    n_unlabelled_tokens : int
        Tokens of the further texts that word2vec reads.

    Returns
    -------
    recipe : Recipe
        Nothing left open.
    notes : list of str
        What the user should know of it.
    """
    max_length = recipe.max_length
    if recipe.fixed_length:  # every text is filled up to it, so no more than needed
        max_length = max(1, min(max_length, int(lengths.max(initial=1))))
    n_read = int(np.minimum(lengths, max_length).sum())
    batch_size = recipe.batch_size or choose_batch_size(n_read, len(lengths))
    n_steps = math.ceil(len(lengths) / batch_size)
    epochs = recipe.epochs or choose_epochs(n_read, n_steps)
    n_tokens = int(lengths.sum())
    settled = replace(
        recipe,
        max_length=max_length,
        batch_size=batch_size,
        epochs=epochs,
        projection=(
            choose_projection(len(lengths)) if recipe.projection == -1 else recipe.projection
        ),
        adversarial=(
            choose_adversarial(n_read) if recipe.adversarial == -1 else recipe.adversarial
        ),
        word_rate=(
            choose_word_rate(n_tokens / max(1, len(lengths)))
            if recipe.word_rate == -1
            else recipe.word_rate
        ),
        final_epochs=last_epochs(epochs) if recipe.final_epochs < 0 else recipe.final_epochs,
        word2vec_passes=recipe.word2vec_passes or choose_passes(n_tokens + n_unlabelled_tokens),
        word2vec_sample=(
            choose_sample(n_tokens) if recipe.word2vec_sample == -1 else recipe.word2vec_sample
        ),
    )
    return settled, [*_empty_note(lengths), *_cut_note(recipe, lengths, max_length)]


def check_recipe(recipe: Recipe) -> None:
    """Check every setting of a recipe, before anything is computed with it.

    Raises
    ------
    ConfigError
        If one is outside what is allowed, or two do not go together.
    """
    if recipe.pooling == "flatten" and not recipe.fixed_length:
        raise ConfigError(
            "pooling is 'flatten', which takes texts of one length only; set fixed_length to True, "
            "too, or take another pooling"
        )
    settled, _ = settle_recipe(recipe, np.ones(1, dtype=np.int64))
    training_config(settled)
    word2vec_config(settled)
    network_config(settled, Vocabulary([], []), ("one", "another"))


def checked_recipe(name: str, **changes: Any) -> Recipe:
    """Choose and check a recipe: :func:`choose_recipe` and :func:`check_recipe`."""
    recipe = choose_recipe(name, **changes)
    check_recipe(recipe)
    return recipe


def choose_epochs(n_tokens: int, n_steps: int) -> int:
    """Choose the number of epochs.

    Parameters
    ----------
    n_tokens : int
        In all training texts, as far as they are read.
    n_steps : int
        Steps of one epoch.

    Returns
    -------
    int
        Enough to read a number of tokens and to take a number of steps, within limits.
    """
    readings = _READINGS * (_TOKENS_OF_READINGS / max(1, n_tokens)) ** _FALL
    by_tokens = np.clip(round(readings), _FEWEST_EPOCHS, _MOST_EPOCHS)
    by_steps = [
        min(math.ceil(wanted / max(1, n_steps)), affordable // max(1, n_tokens), most)
        for wanted, affordable, most in _STEPS_TO_TAKE
    ]
    return int(max(by_tokens, *by_steps))


def choose_passes(n_tokens: int) -> int:
    """Choose word2vec's passes from the number of tokens in all texts that it reads."""
    usual = np.clip(round(_WORD2VEC_TOKENS / max(1, n_tokens)), _FEWEST_PASSES, _USUAL_PASSES)
    of_few = min(round(_FEW_TOKENS / max(1, n_tokens)), _MOST_PASSES)
    return int(max(usual, of_few))


def choose_sample(n_tokens: int) -> float:
    """Choose from which share on word2vec skips common words, from the number of tokens."""
    return _SAMPLE if n_tokens < _MUCH_TEXT else _SAMPLE_OF_MUCH_TEXT


def choose_batch_size(n_tokens: int, n_records: int) -> int:
    """Choose the records per step: fewer where they are long, and where there are few."""
    by_length = _TOKENS_PER_STEP * n_records / max(1, n_tokens)
    by_number = min(n_records / _STEPS_PER_EPOCH, _USUAL_BATCH)
    by_number = max(by_number, n_records / _RECORDS_PER_LARGER_BATCH)
    return int(np.clip(min(by_length, by_number), _SMALLEST_BATCH, _LARGEST_BATCH))


def choose_projection(n_records: int) -> int:
    """Choose the size to which token vectors are brought before the LSTM; 0 for none."""
    return 0 if n_records >= _MANY_RECORDS else _PROJECTION


def choose_word_rate(mean_length: float) -> float:
    """Choose the word vectors' share of the learning rate from the mean number of tokens."""
    return float(np.clip(mean_length / _TOKENS_OF_FULL_WORD_RATE, _LOWEST_WORD_RATE, 1.0))


def choose_adversarial(n_tokens: int) -> float:
    """Choose how far texts are moved from the number of tokens that are read; 0: not at all."""
    return _MOVE if n_tokens <= _MOST_TOKENS_MOVED else 0.0


def has_long_texts(mean_length: float) -> bool:
    """Say whether a mean number of tokens is that of long texts."""
    return mean_length >= _LONG_TEXTS


def choose_held_out(n_records: int) -> float:
    """Choose the share of the training records that is held out."""
    share = float(np.clip(_HELD_OUT / max(1, n_records), _SMALLEST_SHARE, _LARGEST_SHARE))
    return min(share, _MOST_HELD_OUT / max(1, n_records))


def choose_companion_records(n_records: int, n_tokens: int) -> int:
    """Choose how many of the training records the companion learns from."""
    by_tokens = math.ceil(_COMPANION_TOKENS * n_records / max(1, n_tokens))
    return min(n_records, _COMPANION_RECORDS, by_tokens)


def choose_word2vec_words(max_words: int) -> int:
    """Choose how many words word2vec gives a vector at most, from the vocabulary's limit."""
    return max(max_words, _WORD2VEC_WORDS)


def tables_told(config: NetworkConfig) -> str | None:
    """Say what the embedding tables will take while they learn; None where that is little.

    Each number has two moments and a copy of the best epoch; of frozen word vectors the copy only.
    """
    words = config.n_words * config.word_dimension * (2 if config.frozen_words else 4)
    size = 4 * (words + 4 * config.n_ngrams * config.ngram_dimension)
    if size < _MUCH_MEMORY:
        return None
    return (
        f"the tables of {config.n_words:,} words and {config.n_ngrams:,} letter groups take about "
        f"{size / 1e6:,.0f} MB while they learn; max_words, min_count and word_dimension make them "
        "smaller"
    )


def choose_max_features(n_classes: int) -> int:
    """Choose the largest number of the companion's n-grams from the number of classes."""
    return int(np.clip(_COMPANION_WEIGHTS // n_classes, _FEWEST_FEATURES, _MOST_FEATURES))


def last_epochs(epochs: int) -> int:
    """Choose the number of epochs in which the held-out records are learnt too."""
    return math.ceil(epochs / _EPOCHS_PER_LAST)


def network_config(recipe: Recipe, vocabulary: Vocabulary, labels: Sequence[str]) -> NetworkConfig:
    """Take the network's settings out of a recipe."""
    return NetworkConfig(
        n_words=len(vocabulary),
        n_ngrams=len(vocabulary.ngrams),
        n_classes=len(labels),
        frozen_words=recipe.embedding == "frozen",
        **{name: getattr(recipe, name) for name in _shared(NetworkConfig)},
    )


def training_config(recipe: Recipe) -> TrainingConfig:
    """Take the training's settings out of a recipe."""
    return TrainingConfig(**{name: getattr(recipe, name) for name in _shared(TrainingConfig)})


def word2vec_config(recipe: Recipe) -> Word2VecConfig:
    """Take word2vec's settings out of a recipe."""
    return Word2VecConfig(
        dimension=recipe.word_dimension,
        algorithm=recipe.word2vec_algorithm,
        window=recipe.word2vec_window,
        sample=recipe.word2vec_sample,
        passes=recipe.word2vec_passes,
        min_count=recipe.min_count,
    )


def companion_config(n_classes: int) -> CompanionConfig:
    """Take the companion's settings."""
    return CompanionConfig(max_features=choose_max_features(n_classes))


def last_epochs_config(recipe: Recipe) -> TrainingConfig:
    """Take the settings of the epochs in which the held-out records are learnt too."""
    return replace(
        training_config(recipe),
        epochs=recipe.final_epochs,
        learning_rate=max(_LOWEST_RATE, recipe.learning_rate * _LAST_RATE),
        patience=0,
    )


def _shared(config: type) -> set[str]:
    return {field.name for field in fields(config)} & {field.name for field in fields(Recipe)}


def _empty_note(lengths: NDArray[np.int64]) -> list[str]:
    n_empty = int((lengths == 0).sum())
    if not n_empty:
        return []
    return [
        f"texts without a word or number, from which nothing can be learnt: {n_empty:,} of "
        f"{len(lengths):,}"
    ]


def _cut_note(recipe: Recipe, lengths: NDArray[np.int64], max_length: int) -> list[str]:
    n_cut = int((lengths > max_length).sum())
    if not n_cut:
        return []
    halves = "from the end" if recipe.fixed_length else "half from either end"
    companion = ", the n-gram companion all of it" if recipe.companion else ""
    return [
        f"{n_cut:,} of {len(lengths):,} texts ({n_cut / len(lengths):.1%}) are longer than "
        f"{max_length} tokens; the network reads that much of them, {halves}{companion}"
    ]
