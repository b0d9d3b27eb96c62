"""Named architectures: every part of a network and its training, as a set of defaults.

``modern`` is ours, ``classic`` is the network of the forum question, ``minimal`` the one of
its answer. Each field is a parameter of :class:`gatewise.TextClassifier`, which says what the
recipe leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from gatewise.base.config import check_choice, check_range, check_whole_number
from gatewise.base.errors import ConfigError

__all__ = ["RECIPES", "Recipe", "choose_recipe"]

EMBEDDINGS = ("fine-tuned", "frozen", "random")


@dataclass(frozen=True)
class Recipe:
    """All settings of a network and its training.

    Attributes
    ----------
    embedding : {"fine-tuned", "frozen", "random"}
        Where the word vectors start and whether they learn: word2vec that learns on, word2vec
        kept as it is, or random numbers that learn.
    word_dimension, ngram_dimension, projection, units, layers, bidirectional, activation, \
pooling, pool_vectors, fixed_length, spatial_dropout, dropout, recurrent_dropout, output
        As in :class:`gatewise.network.config.NetworkConfig`; -1 as the projection: chosen from
        the number of records.
    max_length : int
        Texts are cut to so many tokens at most.
    vector_scale : float
        Standard deviation to which the word vectors are scaled at the start; 0 to leave them.
    word2vec_window, word2vec_algorithm, word2vec_sample, min_count
        As in :class:`gatewise.vectors.word2vec.Word2VecConfig`; -1 as the sample: chosen from the
        amount of text.
    learning_rate, word_rate, weight_decay, warmup, gradient_clip, \
label_smoothing, patience, adam_beta2, adam_epsilon, adversarial
        As in :class:`gatewise.network.training.TrainingConfig`; -1 as the word rate: chosen from
        the length of the texts; -1 as adversarial: chosen from the amount of text.
    epochs, batch_size, word2vec_passes : int
        Times all records are read, records per step, times word2vec reads all texts; 0: chosen
        from the data (:mod:`gatewise.classify.plan`).
    final_epochs : int
        Epochs on all records, the held-out ones included, after everything was chosen; -1: as
        many as go with the epochs.
    companion : bool
        Blend in the linear model of n-grams.
    """

    embedding: str
    word_dimension: int
    ngram_dimension: int
    projection: int
    units: int
    layers: int
    bidirectional: bool
    activation: str
    pooling: str
    pool_vectors: bool
    max_length: int
    fixed_length: bool
    spatial_dropout: float
    dropout: float
    recurrent_dropout: float
    output: str
    vector_scale: float
    word2vec_algorithm: str
    word2vec_window: int
    word2vec_passes: int
    word2vec_sample: float
    min_count: int
    epochs: int
    final_epochs: int
    batch_size: int
    learning_rate: float
    word_rate: float
    weight_decay: float
    warmup: float
    gradient_clip: float
    label_smoothing: float
    patience: int
    adam_beta2: float
    adam_epsilon: float
    adversarial: float
    companion: bool

    def __post_init__(self) -> None:
        check_choice("embedding", self.embedding, EMBEDDINGS)
        check_whole_number("max_length", self.max_length, 1, 1_000_000)
        check_whole_number("epochs", self.epochs, 0, 100_000)
        check_whole_number("final_epochs", self.final_epochs, -1, 100_000)
        check_whole_number("batch_size", self.batch_size, 0, 1_000_000)
        check_whole_number("word2vec_passes", self.word2vec_passes, 0, 1000)
        check_range("vector_scale", self.vector_scale, 0.0, 100.0)
        for name in ("bidirectional", "pool_vectors", "fixed_length", "companion"):
            check_choice(name, getattr(self, name), (True, False))


_MODERN = Recipe(
    embedding="fine-tuned",
    word_dimension=300,
    ngram_dimension=100,
    projection=-1,
    units=128,
    layers=1,
    bidirectional=True,
    activation="tanh",
    pooling="max-mean",
    pool_vectors=False,
    max_length=200,
    fixed_length=False,
    spatial_dropout=0.3,
    dropout=0.5,
    recurrent_dropout=0.0,
    output="softmax",
    vector_scale=0.3,
    word2vec_algorithm="skip-gram",
    word2vec_window=5,
    word2vec_passes=0,
    word2vec_sample=-1.0,
    min_count=1,
    epochs=0,
    final_epochs=-1,
    batch_size=0,
    learning_rate=3e-3,
    word_rate=-1.0,
    weight_decay=0.01,
    warmup=0.1,
    gradient_clip=1.0,
    label_smoothing=0.1,
    patience=6,
    adam_beta2=0.99,
    adam_epsilon=1e-8,
    adversarial=-1.0,
    companion=True,
)

# The question's network: gensim's defaults, zeros in front, relu, all states flattened, and
# Keras' Adam: no decay, no schedule.
_CLASSIC = replace(
    _MODERN,
    embedding="frozen",
    ngram_dimension=0,
    projection=0,
    units=300,
    bidirectional=False,
    activation="relu",
    pooling="flatten",
    pool_vectors=False,
    fixed_length=True,
    vector_scale=0.0,
    word2vec_algorithm="cbow",
    word2vec_passes=5,
    word2vec_sample=1e-3,
    min_count=5,
    epochs=10,
    final_epochs=0,
    batch_size=32,
    learning_rate=1e-3,
    word_rate=1.0,
    weight_decay=0.0,
    warmup=0.0,
    gradient_clip=0.0,
    label_smoothing=0.0,
    adam_beta2=0.999,
    adam_epsilon=1e-7,
    adversarial=0.0,
    companion=False,
)

# The answer's network, with ids where it had counts.
_MINIMAL = replace(
    _CLASSIC,
    embedding="random",
    word_dimension=50,
    units=10,
    activation="tanh",
    pooling="last",
    fixed_length=False,
    spatial_dropout=0.2,
    dropout=0.0,
    recurrent_dropout=0.2,
    min_count=1,
)

RECIPES: dict[str, Recipe] = {"modern": _MODERN, "classic": _CLASSIC, "minimal": _MINIMAL}


def choose_recipe(name: str, **changes: Any) -> Recipe:
    """Take a recipe and replace what was given.

    Parameters
    ----------
    name : {"modern", "classic", "minimal"}
        The recipe.
    **changes
        Any of its fields; None leaves the recipe's own value.

    Returns
    -------
    Recipe

    Raises
    ------
    ConfigError
        If the name is not a recipe or a value is not allowed.
    """
    check_choice("recipe", name, tuple(RECIPES))
    known = {field.name for field in fields(Recipe)}
    for key in known & set(changes):
        if isinstance(changes[key], np.ndarray):
            raise ConfigError(f"{key} is {changes[key]!r}; it must be one value, not an array")
    given = {
        key: value.item() if isinstance(value, np.generic) else value  # from a search over arrays
        for key, value in changes.items()
        if key in known and value is not None
    }
    return replace(RECIPES[name], **given)
