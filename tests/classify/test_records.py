from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.classify.records import EncodedRecords, split_records
from gatewise.network.model import TokenBatch
from gatewise.text.batches import collate
from gatewise.text.vocabulary import build_vocabulary

TEXTS = [["the", "cat", "sat"], [], ["a", "cat", "and", "a", "dog", "ran"], ["dog"], ["the", "a"]]
TARGETS = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(np.array)


def make_records(rows=(0, 1, 2, 3, 4), **changes):
    vocabulary = build_vocabulary(TEXTS, max_ngrams=20)
    settings = {
        "weights": None,
        "max_length": 4,
        "fixed_length": False,
        "rows": np.array(rows),
        "targets": np.arange(len(rows)) % 2,
    }
    return EncodedRecords(encoded=vocabulary.encode(TEXTS), **settings | changes)


@pytest.mark.parametrize("fixed_length", [False, True])
def test_a_batch_is_that_of_the_rows_meant(fixed_length):
    """Record 1 here is text 4."""
    records = make_records(rows=(2, 4, 0), fixed_length=fixed_length)
    batch = records.batch(np.array([1, 0]))
    expected = collate(records.encoded, np.array([4, 2]), max_length=4, fixed_length=fixed_length)
    assert isinstance(batch, TokenBatch)
    for name, array in vars(expected).items():
        assert torch.equal(getattr(batch, name), torch.from_numpy(array))


def test_batches_go_to_the_device():
    batch = make_records(device="meta").batch(np.array([0, 1]))
    assert {tensor.device.type for tensor in vars(batch).values()} == {"meta"}


def test_ordered_is_from_short_to_long_by_what_is_read():
    records = make_records(rows=(2, 4, 0, 1, 3))
    batches = records.ordered(2)
    assert [batch.tolist() for batch in batches] == [[3, 4], [1, 2], [0]]


def test_lengths_count_only_what_is_read():
    """The two long texts are alike once cut, so their order stays."""
    records = make_records(rows=(2, 0, 2), max_length=2)
    assert [batch.tolist() for batch in records.ordered(9)] == [[0, 1, 2]]


def test_shuffled_holds_every_record_once():
    records = make_records(rows=(2, 4, 0, 1, 3))
    batches = records.shuffled(2, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == [0, 1, 2, 3, 4]
    again = records.shuffled(2, np.random.default_rng(0))
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


# Held out


@settings(max_examples=80)
@given(TARGETS, st.floats(0, 0.9), st.integers(0, 99))
def test_held_out_and_kept_are_all_records(targets, fraction, seed):
    kept, held_out = split_records(targets, fraction, np.random.default_rng(seed))
    assert sorted([*kept, *held_out]) == list(range(len(targets)))
    assert kept.tolist() == sorted(kept)
    assert held_out.tolist() == sorted(held_out)
    assert set(targets[kept]) == set(targets)
    for target in set(targets):
        n_members = (targets == target).sum()
        n_out = (targets[held_out] == target).sum()
        assert n_out <= fraction * n_members + 1
        assert n_out >= min(n_members - 1, np.floor(fraction * n_members))


def test_nothing_is_held_out_of_a_share_of_zero():
    kept, held_out = split_records(np.array([0, 1, 1]), 0.0, np.random.default_rng(0))
    assert (kept.tolist(), held_out.tolist()) == ([0, 1, 2], [])


def test_a_single_record_of_a_class_is_kept():
    targets = np.array([0] * 20 + [1])
    for seed in range(20):
        kept, _ = split_records(targets, 0.9, np.random.default_rng(seed))
        assert 20 in kept


def test_fractions_of_a_record_are_settled_by_lot():
    """A fifth of classes of two: on average a fifth, not none."""
    targets = np.repeat(np.arange(300), 2)
    _, held_out = split_records(targets, 0.2, np.random.default_rng(1))
    assert len(held_out) == pytest.approx(120, abs=25)


def test_the_generator_decides_who_is_held_out():
    targets = np.arange(200) % 3

    def draw(seed):
        return split_records(targets, 0.2, np.random.default_rng(seed))[1].tolist()

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
