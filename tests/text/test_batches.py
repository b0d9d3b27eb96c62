from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.text.batches import (
    collate,
    kept_tokens,
    ordered_batches,
    shuffled_batches,
    shuffled_order,
)
from gatewise.text.vocabulary import build_vocabulary

LENGTHS = st.lists(st.integers(0, 30), max_size=60).map(lambda values: np.array(values, np.int64))
SIZES = st.integers(1, 9)
TEXTS = [
    ["the", "cat", "sat", "on", "the", "mat"],
    [],
    ["a", "cat"],
    ["zebra", "crossing", "the", "the", "road", "cat"],
    ["mat"],
]
few = settings(max_examples=60)


# Grouping


@few
@given(LENGTHS, SIZES, st.integers(0, 99))
def test_every_record_is_in_exactly_one_batch(lengths, batch_size, seed):
    generator = np.random.default_rng(seed)
    for batches in (
        shuffled_batches(lengths, batch_size, generator),
        list(ordered_batches(lengths, batch_size)),
    ):
        assert all(0 < len(batch) <= batch_size for batch in batches)
        assert sorted(np.concatenate([*batches, []]).tolist()) == list(range(len(lengths)))
        assert len(batches) == -(-len(lengths) // batch_size)


@few
@given(LENGTHS, SIZES, st.integers(0, 99))
def test_batches_hold_texts_of_about_one_length(lengths, batch_size, seed):
    """So few records are one pool, in which no two batches' ranges of lengths overlap."""
    batches = shuffled_batches(lengths, batch_size, np.random.default_rng(seed))
    if batch_size > 1 and len(batches) <= 32:
        ranges = sorted((lengths[batch].min(), lengths[batch].max()) for batch in batches)
        assert all(low[1] <= high[0] for low, high in itertools.pairwise(ranges))


@few
@given(LENGTHS, SIZES)
def test_the_fixed_order_is_from_short_to_long_and_stable(lengths, batch_size):
    order = [number for batch in ordered_batches(lengths, batch_size) for number in batch]
    assert order == sorted(range(len(lengths)), key=lambda number: lengths[number])


def test_the_same_generator_gives_the_same_batches_and_the_next_draw_others():
    lengths = np.random.default_rng(3).integers(1, 50, 200)

    def draw(generator):
        return [batch.tolist() for batch in shuffled_batches(lengths, 16, generator)]

    first, second = np.random.default_rng(5), np.random.default_rng(5)
    one = draw(first)
    assert one == draw(second)
    two = draw(first)
    assert one != two
    assert {frozenset(batch) for batch in one} != {frozenset(batch) for batch in two}


def test_many_records_are_sorted_in_pools_only():
    """Batches are not the same from epoch to epoch even where lengths are all different."""
    lengths = np.arange(400)
    pools = shuffled_batches(lengths, 2, np.random.default_rng(0))
    assert max(np.ptp(lengths[batch]) for batch in pools) > 1


# Collating


def shortened(text, max_length):
    """The first half and the last half of so many tokens, by a plain loop."""
    text = list(text)
    while len(text) > max_length:
        del text[(max_length + 1) // 2]
    return text


def naive(texts, vocabulary, *, max_length, fixed_length):
    """What is read at each position: (id, n-grams) of a word, or None for padding."""
    cut = [text[-max_length:] if fixed_length else shortened(text, max_length) for text in texts]
    width = max_length if fixed_length else max([1, *map(len, cut)])
    grid = []
    for text in cut:
        cells = [(vocabulary.word_id(word), vocabulary.known_ngrams(word)) for word in text]
        padding = [None] * (width - len(cells))
        grid.append(padding + cells if fixed_length else cells + padding)
    lengths = [width if fixed_length else max(1, len(text)) for text in cut]
    return grid, lengths


def read(batch):
    """The same from a batch."""
    words = []
    for number, word_id in enumerate(batch.word_ids.tolist()):
        start, end = batch.ngram_offsets[number : number + 2]
        words.append((word_id, batch.ngram_ids[start:end].tolist()))
    assert words[0] == (0, [])  # padding
    return [[words[at] if at else None for at in row] for row in batch.positions.tolist()]


# Shuffling by blocks


@few
@given(st.integers(0, 300), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_every_text_is_in_the_order_once(n_texts, block, n_blocks, seed):
    generator = np.random.default_rng(seed)
    order = shuffled_order(n_texts, generator, whole=20, block=block, window=block * n_blocks)
    assert sorted(order.tolist()) == list(range(n_texts))


def test_few_texts_are_shuffled_as_one():
    order = shuffled_order(5_000, np.random.default_rng(1))
    assert order.tolist() == np.random.default_rng(1).permutation(5_000).tolist()


def test_windows_of_a_sorted_file_are_like_the_whole_file():
    """The share of a label varies as the docstring says, and the order in a window is even."""
    n_texts, block, window, share = 200_000, 50, 20_000, 0.3
    places, shares = [], []
    for seed in range(20):
        order = shuffled_order(
            n_texts, np.random.default_rng(seed), whole=1_000, block=block, window=window
        )
        is_first = (order < share * n_texts).reshape(-1, window)  # a label that stands first
        shares.extend(is_first.mean(axis=1))
        places.extend(np.flatnonzero(is_first[0]) / window)
    expected = np.sqrt(share * (1 - share) * block / window)
    assert np.std(shares) == pytest.approx(expected, rel=0.15)
    assert np.mean(places) == pytest.approx(0.5, abs=0.01)
    assert np.std(places) == pytest.approx(np.sqrt(1 / 12), abs=0.01)
    neighbours = np.abs(np.diff(order)) == 1
    assert neighbours.mean() < 3 / window * block  # no two stay side by side but by chance


def test_the_order_differs_from_epoch_to_epoch():
    generator = np.random.default_rng(0)
    first, second = (
        shuffled_order(10_000, generator, whole=10, block=10, window=1_000) for _ in range(2)
    )
    assert (first == second).mean() < 0.01


@given(st.integers(0, 40), st.integers(1, 25))
def test_what_is_kept_of_a_text(n_tokens, max_length):
    assert kept_tokens(n_tokens, max_length).tolist() == shortened(range(n_tokens), max_length)


@pytest.mark.parametrize("fixed_length", [False, True])
@pytest.mark.parametrize("max_length", [1, 3, 6, 9])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [3, 0], [1], [1, 1], [4, 4, 2]])
def test_collating_against_a_plain_loop(rows, max_length, fixed_length):
    vocabulary = build_vocabulary(TEXTS[:4], max_words=4, max_ngrams=30)
    batch = collate(
        vocabulary.encode(TEXTS),
        np.array(rows),
        max_length=max_length,
        fixed_length=fixed_length,
    )
    grid, lengths = naive(
        [TEXTS[row] for row in rows], vocabulary, max_length=max_length, fixed_length=fixed_length
    )
    assert read(batch) == grid
    assert batch.lengths.tolist() == lengths
    assert batch.ngram_offsets[-1] == len(batch.ngram_ids)
    for array in vars(batch).values():
        assert array.dtype == np.int64


@few
@given(
    st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "北京"]), max_size=6), min_size=1),
    st.integers(1, 7),
    st.booleans(),
    st.data(),
)
def test_collating_any_texts(texts, max_length, fixed_length, data):
    vocabulary = build_vocabulary(texts, max_words=3, max_ngrams=9)
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1))
    batch = collate(
        vocabulary.encode(texts), np.array(rows), max_length=max_length, fixed_length=fixed_length
    )
    chosen = [texts[row] for row in rows]
    grid, lengths = naive(chosen, vocabulary, max_length=max_length, fixed_length=fixed_length)
    assert (read(batch), batch.lengths.tolist()) == (grid, lengths)


def test_each_distinct_word_is_in_a_batch_once():
    vocabulary = build_vocabulary(TEXTS, max_ngrams=50)
    batch = collate(vocabulary.encode(TEXTS), np.array([0, 3]), max_length=99)
    distinct = {vocabulary.word_id(word) for row in (0, 3) for word in TEXTS[row]}
    assert batch.word_ids[0] == 0
    assert sorted(batch.word_ids[1:].tolist()) == sorted(distinct)


def test_a_text_without_a_token_is_one_position_of_padding():
    batch = collate(build_vocabulary(TEXTS).encode(TEXTS), np.array([1]), max_length=5)
    assert batch.positions.tolist() == [[0]]
    assert batch.lengths.tolist() == [1]


def test_no_texts_at_all():
    batch = collate(build_vocabulary(TEXTS).encode(TEXTS), np.array([], np.int64), max_length=5)
    assert batch.positions.shape == (0, 1)
    assert batch.lengths.tolist() == []
