import dataclasses
import gzip

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics.pairwise import cosine_similarity

from gatewise.base.errors import ConfigError, DataError
from gatewise.vectors.word_vectors import WordVectors, read_word_vectors, write_word_vectors

WORDS = ("north", "east", "south", "nord", "nothing")
DIRECTIONS = np.array([[0, 2], [3, 0], [0, -1], [0, 5], [0, 0]], dtype=np.float32)


@pytest.fixture
def compass():
    return WordVectors(WORDS, DIRECTIONS)


@pytest.fixture(scope="module")
def random_vectors():
    """400 words of 30 numbers with lengths from tiny to large. Nobody may change them."""
    generator = np.random.default_rng(11)
    lengths = np.exp(generator.uniform(-8, 8, size=(400, 1)))
    matrix = (generator.standard_normal((400, 30)) * lengths).astype(np.float32)
    return WordVectors([f"wört{row}" for row in range(400)], matrix)


# Construction


def test_length_membership_and_dimension(compass):
    assert len(compass) == 5
    assert compass.dimension == 2
    assert "east" in compass
    assert "west" not in compass
    assert 3 not in compass
    assert repr(compass) == "WordVectors(5 words, 2 dimensions)"


def test_words_become_a_tuple():
    assert WordVectors(["a"], np.ones((1, 1), np.float32)).words == ("a",)


def test_no_words_at_all():
    empty = WordVectors([], np.empty((0, 7), np.float32))
    assert len(empty) == 0
    assert empty.neighbours(np.ones(7)) == []


def test_it_is_frozen(compass):
    with pytest.raises(dataclasses.FrozenInstanceError):
        compass.words = ()
    with pytest.raises(ValueError, match="read-only"):
        compass.matrix[0, 0] = 1


def test_a_float32_matrix_is_not_copied_and_stays_writable_for_its_owner():
    matrix = np.ones((2, 3), np.float32)
    vectors = WordVectors(["a", "b"], matrix)
    assert np.shares_memory(vectors.matrix, matrix)
    assert matrix.flags.writeable


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64])
def test_other_real_numbers_are_converted(dtype):
    vectors = WordVectors(["a", "b"], np.array([[1, 2], [3, 4]], dtype=dtype))
    assert vectors.matrix.dtype == np.float32
    assert vectors.vector("b").tolist() == [3, 4]


def test_a_transposed_matrix_is_brought_into_row_order():
    vectors = WordVectors(["a", "b"], np.arange(6, dtype=np.float32).reshape(3, 2).T)
    assert vectors.matrix.flags.c_contiguous
    assert vectors.vector("b").tolist() == [1, 3, 5]


@pytest.mark.parametrize("shape", [(2,), (3, 4), (2, 0), (2, 3, 1)])
def test_a_shape_that_does_not_fit(shape):
    with pytest.raises(ConfigError, match="does not fit 2 words: give one row") as caught:
        WordVectors(["a", "b"], np.ones(shape, np.float32))
    assert f"shape {shape}" in str(caught.value)


@pytest.mark.parametrize("dtype", [bool, complex, "U3"])
def test_numbers_that_are_not_real(dtype):
    with pytest.raises(ConfigError, match=r"dtype .* is not allowed: give real numbers"):
        WordVectors(["a"], np.ones((1, 2)).astype(dtype))


def test_a_repeated_word():
    with pytest.raises(DataError, match=r"the word 'a' stands in rows 0 and 2; each word may"):
        WordVectors(["a", "b", "a"], np.ones((3, 1), np.float32))


@pytest.mark.parametrize(
    ("bad", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e39, "inf")]
)
def test_a_number_that_is_not_finite(bad, shown):
    matrix = np.ones((3, 4))
    matrix[1, 2] = bad
    with pytest.raises(DataError, match=rf"vector of 'b' \(row 1\) has {shown} as float32 in col"):
        WordVectors(["a", "b", "c"], matrix)


def test_infinities_that_cancel_are_still_found():
    matrix = np.array([[1, 1], [np.inf, -np.inf]], dtype=np.float32)
    with pytest.raises(DataError, match=r"vector of 'b' \(row 1\) has inf as float32 in column 0"):
        WordVectors(["a", "b"], matrix)


def test_the_largest_floats_are_finite():
    largest = np.full((4, 8), np.finfo(np.float32).max)
    vectors = WordVectors("abcd", largest)
    assert vectors.neighbours("a") == [("b", 1.0), ("c", 1.0), ("d", 1.0)]


# Lookup


def test_vector(compass):
    assert compass.vector("nord").tolist() == [0, 5]
    assert compass.vector("nord").dtype == np.float32


@pytest.mark.parametrize("method", ["vector", "neighbours"])
def test_an_unknown_word_gets_close_spellings(compass, method):
    with pytest.raises(DataError) as caught:
        getattr(compass, method)("nort")
    assert str(caught.value) == (
        "the word 'nort' is not among the 5 words that have a vector; "
        "close spellings: 'north', 'nord'"
    )


@pytest.mark.parametrize("word", ["zebra", ""])
def test_an_unknown_word_like_no_other(compass, word):
    with pytest.raises(DataError, match="no word is spelled like it"):
        compass.vector(word)


def test_restricted_to_keeps_order_notes_and_values(compass):
    noted = dataclasses.replace(compass, notes=("left out: 2",))
    kept = noted.restricted_to(["nothing", "east", "unknown", "east"])
    assert kept.words == ("east", "nothing")
    assert kept.matrix.tolist() == [[3, 0], [0, 0]]
    assert kept.notes == ("left out: 2",)
    assert not np.shares_memory(kept.matrix, compass.matrix)


def test_restricted_to_nothing(compass):
    assert compass.restricted_to(iter([])).matrix.shape == (0, 2)


# Neighbours


def test_neighbours_of_a_word(compass):
    assert compass.neighbours("north") == [
        ("nord", 1.0),
        ("east", 0.0),  # before "nothing", which ties with it
        ("nothing", 0.0),
        ("south", -1.0),
    ]


def test_neighbours_of_a_vector_include_every_word(compass):
    assert compass.neighbours(np.array([0.0, 0.001]), n=2) == [("north", 1.0), ("nord", 1.0)]


def test_zeros_point_nowhere(compass):
    assert compass.neighbours("nothing", n=2) == [("north", 0.0), ("east", 0.0)]
    assert compass.neighbours(np.zeros(2), n=1) == [("north", 0.0)]


@pytest.mark.parametrize("n", [1, 10, 399, 1000])
def test_neighbours_agree_with_scikit_learn(random_vectors, n):
    for row in (0, 17, 399):
        cosines = cosine_similarity(random_vectors.matrix.astype(float))[row]
        order = [other for other in np.argsort(-cosines, kind="stable") if other != row][:n]
        found = random_vectors.neighbours(random_vectors.words[row], n)
        assert [word for word, _ in found] == [random_vectors.words[other] for other in order]
        np.testing.assert_allclose([score for _, score in found], cosines[order], atol=1e-11)


def test_equal_vectors_tie_wherever_they_stand():
    """A matrix product gives equal rows different last digits, by their place in its blocks."""
    row = np.random.default_rng(1).standard_normal(301).astype(np.float32)
    words = [f"w{position}" for position in range(1013)]
    vectors = WordVectors(words, np.tile(row, (1013, 1)))
    found = vectors.neighbours("w500", n=1012)
    assert [word for word, _ in found] == words[:500] + words[501:]
    assert {score for _, score in found} == {1.0}


def test_parallel_vectors_tie_whatever_their_lengths():
    """Without rounding their cosines differ in the sixteenth digit."""
    steps = np.arange(1, 401, dtype=np.float32)
    matrix = np.outer(steps, [1, 3, 7]) * np.where(steps % 3 == 0, -1, 1)[:, None]
    words = [f"w{step:.0f}" for step in steps]
    found = WordVectors(words, matrix).neighbours(np.array([1.0, 3.0, 7.0]), n=350)
    along = [(word, 1.0) for word, step in zip(words, steps, strict=True) if step % 3]
    against = [(word, -1.0) for word, step in zip(words, steps, strict=True) if not step % 3]
    assert found == (along + against)[:350]


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e300])
def test_the_length_of_the_query_makes_no_difference(compass, scale):
    assert compass.neighbours(np.array([scale, 0.0]), n=1) == [("east", 1.0)]


def test_vectors_of_the_smallest_floats():
    vectors = WordVectors(["a", "b"], np.full((2, 3), 1e-45, np.float32))
    assert vectors.neighbours("a") == [("b", 1.0)]


def test_the_query_is_left_as_it_was(compass):
    query = np.array([3.0, 4.0])
    compass.neighbours(query)
    assert query.tolist() == [3.0, 4.0]


def test_norms_are_computed_once(compass, monkeypatch):
    compass.neighbours("north")
    monkeypatch.setattr(np, "sqrt", lambda *_: pytest.fail("a norm was computed again"))
    assert compass._inverse_norms.tolist() == [1 / 2, 1 / 3, 1, 1 / 5, 0]
    assert compass._inverse_norms is compass._inverse_norms


@pytest.mark.parametrize("n", [0, -1, 2.5, None])
def test_no_neighbours_asked_for(compass, n):
    with pytest.raises(ConfigError, match=f"n={n} is not allowed: ask for 1 neighbour or more"):
        compass.neighbours("north", n)


def test_the_only_word_has_no_neighbours():
    assert WordVectors(["a"], np.ones((1, 2), np.float32)).neighbours("a") == []


@pytest.mark.parametrize(
    "vector",
    [np.ones(3), np.ones((1, 2)), np.array([1, np.nan]), [1, 2, 3], np.array([1j, 2]), ["a", "b"]],
)
def test_a_query_that_does_not_fit(compass, vector):
    with pytest.raises(ConfigError, match="is not allowed here: give 2 finite numbers, or a word"):
        compass.neighbours(vector)


# Files; the formats themselves are tested in test_vector_files


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_we_write(tmp_path, random_vectors, name, binary):
    path = tmp_path / name
    write_word_vectors(random_vectors, path, binary=binary)
    theirs = KeyedVectors.load_word2vec_format(str(path), binary=binary)
    assert tuple(theirs.index_to_key) == random_vectors.words
    np.testing.assert_array_equal(theirs.vectors, random_vectors.matrix)


@pytest.mark.parametrize("name", ["v.vec", "v.vec.gz"])
@pytest.mark.parametrize(
    "options", [{}, {"binary": True}, {"write_header": False}], ids=["text", "binary", "GloVe"]
)
def test_we_read_what_gensim_writes(tmp_path, random_vectors, name, options):
    theirs = KeyedVectors(vector_size=30)
    theirs.add_vectors(list(random_vectors.words), random_vectors.matrix)
    theirs.save_word2vec_format(str(tmp_path / name), **options)
    ours = read_word_vectors(tmp_path / name)
    assert ours.words == random_vectors.words
    np.testing.assert_array_equal(ours.matrix, random_vectors.matrix)


def test_neighbours_agree_with_gensim(tmp_path, random_vectors):
    write_word_vectors(random_vectors, tmp_path / "v.bin", binary=True)
    theirs = KeyedVectors.load_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    expected = theirs.most_similar("wört5", topn=20)
    found = random_vectors.neighbours("wört5", 20)
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=1e-6)


words_strategy = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f"), min_size=1
)
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def word_vectors(draw, least_dimension):
    words = draw(st.lists(words_strategy, unique=True, max_size=8))
    shape = (len(words), draw(st.integers(least_dimension, 6)))
    return WordVectors(words, draw(arrays(np.float32, shape, elements=float32s)))


@pytest.mark.parametrize("name", ["v", "v.gz"])
@given(vectors=word_vectors(least_dimension=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_text_round_trip(tmp_path, name, vectors):
    write_word_vectors(vectors, tmp_path / name)
    again = read_word_vectors(tmp_path / name)
    assert again.words == vectors.words
    assert again.matrix.tobytes() == vectors.matrix.tobytes()


@pytest.mark.parametrize("name", ["v", "v.gz"])
@given(vectors=word_vectors(least_dimension=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_binary_round_trip(tmp_path, name, vectors):
    """From two numbers on: the four bytes of one may spell the text "0.5" and a line end."""
    write_word_vectors(vectors, tmp_path / name, binary=True)
    again = read_word_vectors(tmp_path / name)
    assert again.words == vectors.words
    assert again.matrix.tobytes() == vectors.matrix.tobytes()


def test_reading_takes_a_path_or_a_name_and_keeps_the_notes(tmp_path):
    path = tmp_path / "v.gz"
    path.write_bytes(gzip.compress(b"a 1 2\nb 3 4\na 5 6\n"))
    vectors = read_word_vectors(str(path), wanted={"a"})
    assert vectors.words == ("a",)
    assert vectors.vector("a").tolist() == [1, 2]
    assert len(vectors.notes) == 1
    assert "(lines 3)" in vectors.notes[0]


def test_reading_stops_at_max_bytes(tmp_path, random_vectors):
    write_word_vectors(random_vectors, tmp_path / "v")
    with pytest.raises(DataError, match="more than max_bytes=10000"):
        read_word_vectors(tmp_path / "v", max_bytes=10_000)


def test_max_bytes_must_be_positive(tmp_path):
    with pytest.raises(ConfigError, match="max_bytes=0 is not allowed: give 1 or more"):
        read_word_vectors(tmp_path / "v", max_bytes=0)


def test_writing_replaces_an_old_file_whole(tmp_path, compass):
    path = tmp_path / "v"
    path.write_text("old")
    write_word_vectors(compass, str(path))
    assert read_word_vectors(path).words == WORDS
    assert [file.name for file in tmp_path.iterdir()] == ["v"]
