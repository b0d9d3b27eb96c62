import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatewise.base.seeding import MAX_SEED, derive_seed, numpy_generator

seeds = st.integers(0, MAX_SEED)


@pytest.mark.parametrize(
    ("seed", "name", "expected"),
    [
        (0, "word2vec", 601017682),
        (42, "word2vec", 0x43FBD2F2 >> 1),
        (MAX_SEED, "wörter", 413457457),
    ],
)
def test_known_values(seed, name, expected):
    """A change changes every model. `printf 42/word2vec | sha256sum` starts with f2d2fb43."""
    assert derive_seed(seed, name) == expected


def test_the_range_of_seeds():
    assert MAX_SEED == 4294967295


@given(seeds, st.text(st.characters(exclude_categories=["Cs"])))
def test_derived_seeds_stay_in_range_and_repeat(seed, name):
    derived = derive_seed(seed, name)
    assert type(derived) is int
    assert 0 <= derived < 2**31
    assert derive_seed(seed, name) == derived


def test_the_range_is_used_to_both_ends():
    derived = [derive_seed(seed, "name") for seed in range(2000)]
    assert min(derived) < 2**31 * 0.01
    assert max(derived) > 2**31 * 0.99
    assert {value & 1 for value in derived} == {0, 1}


def test_names_and_seeds_have_their_own():
    names = ["word2vec", "network", "folds", "batches", "", "a", "b"]
    derived = {derive_seed(seed, name) for seed in range(200) for name in names}
    assert len(derived) == 200 * len(names)


def test_the_seed_and_the_name_do_not_run_into_each_other():
    assert derive_seed(1, "2/x") != derive_seed(12, "/x")
    assert derive_seed(1, "/2") != derive_seed(1, "2")


def test_a_generator_repeats_what_it_draws():
    first, second = (numpy_generator(7, "folds").random(5) for _ in range(2))
    assert first.tolist() == second.tolist()


@given(seeds, seeds)
def test_generators_of_two_seeds_or_two_names_differ(seed, other):
    assume(seed != other)
    here = numpy_generator(seed, "folds").random(5)
    assert here.tolist() != numpy_generator(other, "folds").random(5).tolist()
    assert here.tolist() != numpy_generator(seed, "batches").random(5).tolist()


def test_a_generator_leaves_the_global_state_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    numpy_generator(7, "folds").random(100)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
