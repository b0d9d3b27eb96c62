"""Ids -> batches of about one length, so that little time goes into padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.text.vocabulary import EncodedTexts

__all__ = [
    "Batch",
    "collate",
    "kept_tokens",
    "ordered_batches",
    "place_tokens",
    "shuffled_batches",
    "shuffled_order",
]

Ids = NDArray[np.int64]

# Batches are sorted by length inside pools of this many, so that they differ from epoch to epoch.
_BATCHES_PER_POOL = 32
# Tokens of more texts than can be expected to stay in memory are read by blocks.
_WHOLE, _BLOCK, _WINDOW = 1 << 22, 1 << 10, 1 << 20


@dataclass(frozen=True)
class Batch:
    """B texts as the network reads them.

    Attributes
    ----------
    word_ids : ndarray of int64, shape (U,)
        Vocabulary ids of the batch's distinct tokens; the first is padding.
    ngram_ids : ndarray of int64, shape (n_ngrams,)
        Their character n-grams, one token behind the other.
    ngram_offsets : ndarray of int64, shape (U + 1,)
        Where each token's n-grams begin.
    positions : ndarray of int64, shape (B, T)
        Each text as positions into ``word_ids``; 0 where there is padding.
    lengths : ndarray of int64, shape (B,)
        Number of tokens of each text, at least 1.
    """

    word_ids: Ids
    ngram_ids: Ids
    ngram_offsets: Ids
    positions: Ids
    lengths: Ids


def shuffled_batches(lengths: Ids, batch_size: int, generator: np.random.Generator) -> list[Ids]:
    """Group all texts into batches of about one length, in a new random order.

    Up to four million texts are shuffled as one; of more see :func:`shuffled_order`.

    Parameters
    ----------
    lengths : ndarray of int64, shape (N,)
        Number of tokens of each text.
    batch_size : int
        Texts per batch; the last of a pool may hold fewer.
    generator : numpy.random.Generator
        Draws the order.

    Returns
    -------
    list of ndarray of int64
        The numbers of the texts of each batch.
    """
    order = shuffled_order(len(lengths), generator)
    pool_size = batch_size * _BATCHES_PER_POOL
    batches: list[Ids] = []
    for start in range(0, len(order), pool_size):
        pool = order[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches.extend(pool[at : at + batch_size] for at in range(0, len(pool), batch_size))
    return [batches[number] for number in generator.permutation(len(batches))]


def shuffled_order(
    n_texts: int,
    generator: np.random.Generator,
    *,
    whole: int = _WHOLE,
    block: int = _BLOCK,
    window: int = _WINDOW,
) -> Ids:
    """Put texts into a new random order that is read from a file in few jumps.

    Up to ``whole`` texts every order is as likely as any other. More are shuffled by blocks of
    neighbours: the blocks in any order, and the texts inside a window of blocks in any order. So
    texts of one block are read within one window, as likely in one place of it as in another, and
    a window is a sample of ``window / block`` blocks drawn by lot from anywhere. Of a file sorted
    by label, the share p of a label varies between windows with the standard deviation
    sqrt(p (1 - p) block / window), that of ``window / block`` texts drawn by lot: 1.6 points at the
    most with the numbers used here.

    Parameters
    ----------
    n_texts : int
        N.
    generator : numpy.random.Generator
        Draws the order.
    whole, block, window : int
        Texts that are shuffled as one, in a block, and in a window.

    Returns
    -------
    ndarray of int64, shape (N,)
        The numbers of the texts.
    """
    if n_texts <= whole:
        return generator.permutation(n_texts)
    starts = generator.permutation(-(-n_texts // block)) * block
    order = (starts[:, None] + np.arange(block)).ravel()
    order = order[order < n_texts]
    for start in range(0, n_texts, window):
        generator.shuffle(order[start : start + window])
    return order


def ordered_batches(lengths: Ids, batch_size: int) -> Iterator[Ids]:
    """Group all texts into batches from the shortest to the longest, always the same way."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def collate(
    encoded: EncodedTexts, texts: Ids, *, max_length: int, fixed_length: bool = False
) -> Batch:
    """Put some texts into one batch.

    Parameters
    ----------
    encoded : EncodedTexts
        All texts.
    texts : ndarray of int64, shape (B,)
        The numbers of the texts wanted.
    max_length : int
        Longer texts are cut to so many tokens: the first half and the last half of it (Sun et al.
        2019), or the last ones alone with ``fixed_length`` (as ``pad_sequences`` of Keras does).
    fixed_length : bool
        Fill every text to ``max_length`` with padding in front that the network reads like a
        word. Otherwise padding stands behind and is never read.

    Returns
    -------
    Batch
    """
    places, lengths = place_tokens(encoded, texts, max_length=max_length, fixed_length=fixed_length)
    inside = places > 0  # (B, T)
    distinct, numbers = np.unique(places[inside] - 1, return_inverse=True)
    positions = np.zeros(places.shape, dtype=np.int64)  # (B, T)
    positions[inside] = numbers + 1
    ngram_ids, ngram_offsets = _gather_ngrams(encoded, distinct)
    return Batch(
        word_ids=np.concatenate([np.zeros(1, dtype=np.int64), encoded.word_ids[distinct]]),
        ngram_ids=ngram_ids,
        ngram_offsets=np.concatenate([np.zeros(1, dtype=np.int64), ngram_offsets]),
        positions=positions,
        lengths=lengths,
    )


def place_tokens(
    encoded: EncodedTexts, texts: Ids, *, max_length: int, fixed_length: bool = False
) -> tuple[Ids, Ids]:
    """Lay some texts side by side.

    Parameters
    ----------
    encoded, texts, max_length, fixed_length
        As for :func:`collate`.

    Returns
    -------
    places : ndarray of int64, shape (B, T)
        Each text as one plus positions into the distinct tokens; 0 where there is padding.
    lengths : ndarray of int64, shape (B,)
        Number of tokens of each text, at least 1.
    """
    starts, ends = encoded.offsets[texts], encoded.offsets[texts + 1]
    kept = np.minimum(ends - starts, max_length)
    width = max_length if fixed_length else max(1, int(kept.max(initial=1)))
    columns = np.arange(width)
    if fixed_length:
        columns = columns - (width - kept)[:, None]  # (B, T)
    inside = (columns >= 0) & (columns < kept[:, None])  # (B, T)
    left_out = (ends - starts - kept)[:, None]  # (B, 1)
    skips = True if fixed_length else columns >= _front(max_length)
    rows = starts[:, None] + columns + left_out * skips  # (B, T)
    places = np.zeros(inside.shape, dtype=np.int64)  # (B, T)
    places[inside] = encoded.tokens[rows[inside]] + 1
    return places, np.full(len(kept), width) if fixed_length else np.maximum(kept, 1)


def kept_tokens(n_tokens: int, max_length: int) -> Ids:
    """Say which tokens of a text are kept where it is cut, as places from 0, (n_kept,)."""
    kept = np.arange(min(n_tokens, max_length))  # (n_kept,)
    return kept + (n_tokens - len(kept)) * (kept >= _front(max_length))  # (n_kept,)


def _front(max_length: int) -> int:
    """How many of a long text's tokens are kept from its beginning."""
    return max_length - max_length // 2


def _gather_ngrams(encoded: EncodedTexts, distinct: Ids) -> tuple[Ids, Ids]:
    starts = encoded.ngram_offsets[distinct]
    sizes = encoded.ngram_offsets[distinct + 1] - starts
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return encoded.ngram_ids[np.repeat(starts, sizes) + within], offsets
