"""Where the embedding's weights come from: own word2vec, a file of vectors, or chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.base.progress import Progress
from gatewise.classify.plan import word2vec_config
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.model import NGRAM_DEVIATION, TextNetwork
from gatewise.network.recipes import Recipe
from gatewise.text.vocabulary import Vocabulary
from gatewise.vectors.ngram_vectors import ngram_vectors
from gatewise.vectors.word2vec import train_word2vec
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["Coverage", "StartingVectors", "measure_coverage", "own_vectors", "put_into"]

_STAGE = "word vectors"
# word2vec gives its longest vectors to the commonest words, the more so the fewer its passes.
# Those words say least about a class and must not drown the others.
_LONGEST = 4 / 3


@dataclass(frozen=True)
class StartingVectors:
    """Word vectors before training.

    Attributes
    ----------
    vectors : WordVectors
        One per word that has one.
    losses : list of float
        Of word2vec's passes, in nats per word; empty for vectors from elsewhere.
    """

    vectors: WordVectors
    losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Coverage:
    """How much of the vocabulary has a vector of its own.

    Attributes
    ----------
    words : float
        Share of the vocabulary's words.
    occurrences : float
        Share of the training texts' tokens.
    """

    words: float
    occurrences: float


def own_vectors(
    token_lists: Sequence[Sequence[str]],
    recipe: Recipe,
    *,
    seed: int,
    workers: int = 1,
    max_words: int | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
) -> StartingVectors:
    """Train word2vec on tokenised texts, as the recipe says.

    Parameters
    ----------
    token_lists : sequence of sequence of str
        One sequence of tokens per text.
    recipe : Recipe
        Sizes and passes.
    seed : int
        The user's seed.
    workers, max_words : int
        As in :class:`gatewise.vectors.word2vec.Word2VecConfig`.
    checkpoint : Checkpoint, optional
        Takes the vectors; if it holds them already, they are not trained again.
    progress : Progress, optional
        Told of every pass.

    Returns
    -------
    StartingVectors
    """
    if checkpoint and (kept := checkpoint.read(_STAGE)):
        tensors, facts = kept
        matrix = tensors["matrix"].numpy()
        return StartingVectors(WordVectors(facts["words"], matrix), facts["losses"])
    config = replace(word2vec_config(recipe), workers=workers, max_words=max_words)
    result = train_word2vec(token_lists, config, seed=seed, progress=progress)
    if checkpoint:
        rows = torch.tensor(result.vectors.matrix)  # (V, E)
        facts = {"words": list(result.vectors.words), "losses": result.losses}
        checkpoint.write(_STAGE, {"matrix": rows}, facts)
    return StartingVectors(result.vectors, result.losses)


def measure_coverage(vocabulary: Vocabulary, vectors: WordVectors) -> Coverage:
    """Count the words, and the occurrences of words, that have a vector."""
    counts = np.array(vocabulary.counts[2:], dtype=np.float64)
    known = np.array([word in vectors for word in vocabulary.words[2:]], dtype=bool)
    if not len(counts):
        return Coverage(0.0, 0.0)
    return Coverage(float(known.mean()), float(counts[known].sum() / counts.sum()))


def put_into(
    network: TextNetwork,
    vocabulary: Vocabulary,
    vectors: WordVectors,
    scale: float,
    *,
    one_length: bool = False,
) -> None:
    """Write word vectors into the rows of a network's embedding; other rows keep theirs.

    Character n-grams start as what the words that hold them have in common.

    Parameters
    ----------
    network : TextNetwork
        Changed in place.
    vocabulary : Vocabulary
        Says which row is which word's.
    vectors : WordVectors
        The vectors.
    scale : float
        Standard deviation that all their numbers together are brought to, after which a vector
        whose own is more than a third above that is shortened to it; 0 to leave them.
    one_length : bool
        Bring each vector to that deviation by itself instead.
    """
    known = vectors.restricted_to(vocabulary.words[2:])
    if not len(known):
        return
    rows = _scaled(known.matrix, scale, one_length) if scale else known.matrix  # (n_known, E)
    numbers = torch.tensor([vocabulary.word_id(word) for word in known.words])  # (n_known,)
    with torch.no_grad():
        network.words.weight[numbers] = torch.tensor(rows)
        if network.ngrams is not None:
            _spell(network.ngrams.weight, vocabulary, known.words, rows)


def _spell(
    table: Tensor, vocabulary: Vocabulary, words: Sequence[str], rows: NDArray[np.float32]
) -> None:
    """Write vectors of n-grams over those that chance gave, (n_ngrams, ngram_dimension)."""
    spellings = [vocabulary.known_ngrams(word) for word in words]
    offsets = np.cumsum([0, *map(len, spellings)])  # (n_known + 1,)
    flat = np.fromiter(itertools.chain.from_iterable(spellings), np.int64, offsets[-1])
    numbers, vectors = ngram_vectors(rows, flat, offsets, table.shape[1])  # (n,), (n, S)
    deviation = float(vectors.std()) if vectors.size else 0.0
    if deviation:
        scaled = torch.tensor(vectors * np.float32(NGRAM_DEVIATION / deviation))  # (n, S)
        table[torch.tensor(numbers), : scaled.shape[1]] = scaled


def _scaled(rows: NDArray[np.float32], scale: float, one_length: bool) -> NDArray[np.float32]:
    """Bring vectors to a common size, (n_known, E) -> (n_known, E)."""
    deviation = float(rows.std())
    if not deviation:
        return rows  # (n_known, E)
    rows = rows * np.float32(scale / deviation)  # (n_known, E)
    sizes: NDArray[np.float32] = rows.std(axis=1, keepdims=True)  # (n_known, 1)
    if one_length:
        rows *= np.float32(scale) / np.where(sizes > 0, sizes, 1)  # (n_known, E)
        return rows  # (n_known, E)
    limit = np.float32(_LONGEST * scale)
    rows *= limit / np.maximum(sizes, limit)  # (n_known, E)
    return rows  # (n_known, E)
