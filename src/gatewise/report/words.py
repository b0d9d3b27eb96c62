"""A model's word vectors -> a map of its commonest words, and the neighbours of some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.model import FittedModel, score_tokens
from gatewise.classify.trained_vectors import trained_vectors
from gatewise.report.redaction import masks, redact
from gatewise.text.tokens import tokenize

__all__ = ["N_COLOURS", "MapWord", "map_places", "word_facts"]

_N_WORDS = 200
_N_SHOWN, _N_NEIGHBOURS = 12, 6
_FEWEST = 10  # records' words that are rarer are not shown to others
_EVENNESS = 0.7  # how far ranks decide the places on the map
N_COLOURS = 6  # classes that have a colour of their own on the map

Places = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MapWord:
    """A word on the map.

    Attributes
    ----------
    word : str
        The word.
    x, y : float
        Its place, from 0 to 1.
    label : str
        The class that the model gives the word alone.
    probability : float
        And with which probability.
    colour : int
        Number of that class's colour, from 1; 0 for a class without one.
    """

    word: str
    x: float
    y: float
    label: str
    probability: float
    colour: int


def word_facts(model: FittedModel, *, redacted: bool, texts: Iterable[str] = ()) -> dict[str, Any]:
    """Collect what the page says of the word vectors.

    Parameters
    ----------
    model : FittedModel
        The model.
    redacted : bool
        Leave out rare words, those with a digit, and what ``texts`` show to be names or parts of
        addresses: a vocabulary has neither capitals nor whole addresses to tell them by.
    texts : iterable of str
        Texts with those words in them, as far as they are at hand.

    Returns
    -------
    dict
        ``n_words``, ``n_ngrams``, ``dimension``; ``coverage`` and ``losses`` as in the model's
        facts, or None; ``map``: list of MapWord; ``colours``: the classes that have one;
        ``explained``: share of the variance that the map shows; ``neighbours``.
    """
    vectors = trained_vectors(model)
    found: dict[str, Any] = {
        "n_words": len(vectors),
        "n_ngrams": len(model.vocabulary.ngrams),
        "dimension": vectors.dimension,
        "kind": model.recipe.embedding,
        "coverage": model.facts.get("coverage"),
        "losses": [float(loss) for loss in model.facts.get("word2vec_losses") or []],
        "map": [],
        "colours": [],
        "explained": 0.0,
        "neighbours": [],
    }
    hidden = _hidden_words(model, texts) if redacted else frozenset()
    rows = [row for row, word in enumerate(vectors.words) if word not in hidden]
    words = [vectors.words[row] for row in rows[:_N_WORDS]]
    if not words:
        return found
    # What a model says of a word alone needs no records, so every model can be drawn.
    probabilities = np.exp(score_tokens(model, [[word] for word in words]).blend)  # (n, C)
    places, explained = map_places(vectors.matrix[rows[:_N_WORDS]])
    best = probabilities.argmax(axis=1)
    commonest = Counter(best.tolist()).most_common(N_COLOURS)
    colours = {number: place for place, (number, _) in enumerate(commonest, 1)}
    found["map"] = [
        MapWord(
            word,
            float(x),
            float(y),
            model.labels[number],
            float(chance),
            colours.get(int(number), 0),
        )
        for word, (x, y), number, chance in zip(
            words, places, best, probabilities.max(axis=1), strict=True
        )
    ]
    found["explained"] = explained
    found["colours"] = [model.labels[number] for number in colours]
    tellings = np.argsort(-probabilities.max(axis=1), kind="stable")[:_N_SHOWN]
    for place in sorted(tellings.tolist()):  # the commonest first
        near = vectors.neighbours(words[place], len(vectors)) if len(vectors) > 1 else []
        kept = [(word, cosine) for word, cosine in near if word not in hidden]
        row = {"word": words[place], "label": model.labels[best[place]]}
        found["neighbours"].append(row | {"near": kept[:_N_NEIGHBOURS]})
    return found


def _hidden_words(model: FittedModel, texts: Iterable[str]) -> frozenset[str]:
    """Find the words of the vocabulary that may name a person."""
    counts = zip(model.vocabulary.words, model.vocabulary.counts, strict=True)
    hidden = {word for word, count in counts if count < _FEWEST or redact(word) != word}
    for text in texts:
        parts = (text[one.start : one.end] for one in masks(text) if one.shown != "#")
        hidden.update(token for part in parts for token in tokenize(part, model.language))
    return frozenset(hidden)


def map_places(matrix: NDArray[np.float32]) -> tuple[Places, float]:
    """Lay vectors out on a plane, by the two directions in which they differ most.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n, E)
        The vectors.

    Returns
    -------
    places : ndarray of float64, shape (n, 2)
        Each from 0 to 1.
    explained : float
        Share of the variance that lies in the two directions.
    """
    centered = matrix.astype(np.float64) - matrix.mean(axis=0, dtype=np.float64)  # (n, E)
    left, lengths, right = np.linalg.svd(centered, full_matrices=False)
    places = np.zeros((len(matrix), 2))
    n_axes = min(2, len(lengths))
    # A direction may as well point the other way: let its largest number be positive.
    largest = np.abs(right[:n_axes]).argmax(axis=1)
    signs = np.sign(right[np.arange(n_axes), largest])
    places[:, :n_axes] = left[:, :n_axes] * lengths[:n_axes] * signs
    total = float((lengths**2).sum())
    explained = float((lengths[:n_axes] ** 2).sum()) / total if total else 0.0
    # Ranks decide more than distances, or one far word would press all others together.
    spans = np.ptp(places, axis=0)
    linear = (places - places.min(axis=0)) / np.where(spans > 0, spans, 1.0)
    ranks = places.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    even = ranks / max(len(matrix) - 1, 1)
    return _EVENNESS * even + (1.0 - _EVENNESS) * linear, explained
