"""The methods that are compared: what each takes of the settings, and which part answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewise.base.errors import ConfigError
from gatewise.selection.fits import AVERAGES, CLASSIFIER

__all__ = ["METHODS", "Method", "check_open"]

# What one method has and another has not.
_DECIDED = ("recipe", "embedding", "companion")


@dataclass(frozen=True)
class Method:
    """One way to classify.

    Attributes
    ----------
    key : str
        In the results.
    title : str
        What people are told.
    settings : mapping
        Parameters of :class:`gatewise.TextClassifier`.
    part : {"lstm", "ngrams", "blend"}
        Which part of what is fitted answers.
    kind : str
        Which kind of fit; see :class:`gatewise.selection.fits.FitFacts`.
    """

    key: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    part: str = "blend"
    kind: str = CLASSIFIER


METHODS = (
    Method("modern", "LSTM and n-grams, word2vec fine-tuned"),
    Method("modern-frozen", "LSTM and n-grams, word2vec frozen", {"embedding": "frozen"}),
    Method("modern-random", "LSTM and n-grams, random vectors", {"embedding": "random"}),
    Method("lstm", "LSTM alone, word2vec fine-tuned", part="lstm"),
    Method("lstm-frozen", "LSTM alone, word2vec frozen", {"embedding": "frozen"}, "lstm"),
    Method("lstm-random", "LSTM alone, random vectors", {"embedding": "random"}, "lstm"),
    Method("ngrams", "n-grams alone", part="ngrams"),
    Method("averages", "averaged word2vec, logistic regression", kind=AVERAGES),
    Method("classic", "the forum's recipe", {"recipe": "classic"}),
)


def check_open(fixed: Mapping[str, Any]) -> None:
    """Check that settings for all methods are none that the methods differ in.

    Raises
    ------
    ConfigError
        If one is.
    """
    for name in _DECIDED:
        if name in fixed:
            raise ConfigError(
                f"{name} is {fixed[name]!r} for all methods, which differ in it; leave it away, or "
                "name the methods that have it so"
            )
