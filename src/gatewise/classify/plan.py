"""What a recipe leaves to the data, settled; and the recipe as the network's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from gatewise.network.model import NetworkConfig
from gatewise.network.recipes import Recipe
from gatewise.network.training import TrainingConfig
from gatewise.text.vocabulary import Vocabulary

__all__ = [
    "choose_epochs",
    "last_epochs_config",
    "network_config",
    "settle_recipe",
    "training_config",
]

# Short texts need about twenty readings, and a million tokens is read well in four: what a
# network learns goes with the tokens it has read rather than with the epochs.
_TOKENS_TO_READ = 4_500_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 20
# The last epochs only have to take in the records that were held out.
_LAST_RATE = 0.3


def settle_recipe(recipe: Recipe, lengths: NDArray[np.int64]) -> tuple[Recipe, list[str]]:
    """Fix the length limit and the number of epochs.

    Parameters
    ----------
    recipe : Recipe
        With ``epochs`` 0 where the data decide.
    lengths : ndarray of int64, shape (N,)
        Tokens of each training text.

    Returns
    -------
    recipe : Recipe
        Nothing left open.
    notes : list of str
        What the user should know of it.
    """
    max_length = max(1, min(recipe.max_length, int(lengths.max(initial=1))))
    n_cut = int((lengths > max_length).sum())
    notes = []
    if n_cut:
        notes.append(
            f"{n_cut:,} of {len(lengths):,} texts ({n_cut / len(lengths):.1%}) are longer than "
            f"{max_length} tokens; the network reads that much of them"
            + (", the n-gram companion all of it" if recipe.companion else "")
        )
    epochs = recipe.epochs or choose_epochs(int(np.minimum(lengths, max_length).sum()))
    return replace(recipe, max_length=max_length, epochs=epochs), notes


def choose_epochs(n_tokens: int) -> int:
    """Choose the number of epochs from the number of tokens in all training texts."""
    return int(np.clip(round(_TOKENS_TO_READ / max(1, n_tokens)), _FEWEST_EPOCHS, _MOST_EPOCHS))


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


def last_epochs_config(recipe: Recipe) -> TrainingConfig:
    """Take the settings of the epochs in which the held-out records are learnt too."""
    return replace(
        training_config(recipe),
        epochs=recipe.final_epochs,
        learning_rate=recipe.learning_rate * _LAST_RATE,
        patience=0,
    )


def _shared(config: type) -> set[str]:
    return {field.name for field in fields(config)} & {field.name for field in fields(Recipe)}
