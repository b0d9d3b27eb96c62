from __future__ import annotations

import importlib
import random

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, DataError, MissingExtraError
from gatewise.vectors import word2vec
from gatewise.vectors.word2vec import Word2VecConfig, train_word2vec

# So many that none is so frequent that word2vec leaves most of it out.
PAIRS = [(f"sun{number}", f"warm{number}") for number in range(50)]


def make_texts(n_texts=3000, seed=0):
    """Words of a pair stand together, words of two pairs never do."""
    generator = random.Random(seed)
    return [generator.choices(generator.choice(PAIRS), k=6) for _ in range(n_texts)]


def small(**changes):
    return Word2VecConfig(**{"dimension": 12, "passes": 5, "window": 2} | changes)


@pytest.fixture(scope="module")
def texts():
    return make_texts()


@pytest.fixture(scope="module")
def result(texts):
    return train_word2vec(texts, small(passes=10), seed=7)


def test_every_word_has_a_finite_vector(result):
    assert set(result.vectors.words) == {word for pair in PAIRS for word in pair}
    assert result.vectors.matrix.shape == (100, 12)
    assert result.vectors.matrix.dtype == np.float32
    assert np.isfinite(result.vectors.matrix).all()


def test_frequent_words_come_first(texts, result):
    counts = [sum(text.count(word) for text in texts) for word in result.vectors.words]
    assert counts == sorted(counts, reverse=True)


def test_words_that_stand_together_are_neighbours(result):
    found = [result.vectors.neighbours(first, 1)[0][0] == second for first, second in PAIRS]
    assert np.mean(found) > 0.9


def test_the_same_seed_gives_the_same_vectors(texts, result):
    again = train_word2vec(texts, small(passes=10), seed=7)
    assert again.vectors.words == result.vectors.words
    assert np.array_equal(again.vectors.matrix, result.vectors.matrix)
    assert again.losses == result.losses


def test_another_seed_gives_other_vectors(texts, result):
    other = train_word2vec(texts, small(passes=10), seed=8)
    assert not np.allclose(other.vectors.vector("sun1"), result.vectors.vector("sun1"), atol=1e-3)


def test_losses_fall(result):
    """One per pass, each of that pass alone."""
    assert len(result.losses) == 10
    assert result.losses[-1] < 0.8 * result.losses[0]
    assert max(result.losses) < 20 * min(result.losses)


def test_global_generators_are_left_alone(texts):
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    train_word2vec(texts[:20], small(), seed=7)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_cbow_trains_another_model(texts, result):
    cbow = train_word2vec(texts, small(passes=10, algorithm="cbow"), seed=7)
    assert cbow.vectors.words == result.vectors.words
    assert not np.allclose(cbow.vectors.matrix, result.vectors.matrix, atol=1e-3)
    assert cbow.losses[-1] < cbow.losses[0]


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_a_long_document_is_read_to_its_end(algorithm):
    """gensim itself drops what follows the 10,000th token, without a word."""
    document = ["filler", "words"] * 10_500 + ["last", "end"] * 20
    result = train_word2vec([document], small(algorithm=algorithm, passes=8, negative=2), seed=1)
    assert {"last", "end"} <= set(result.vectors.words)
    start = train_word2vec([["filler", "words", "last", "end"]], small(passes=1), seed=1)
    moved = result.vectors.vector("last") - start.vectors.vector("last")
    assert np.abs(moved).max() > 0.05


def test_rare_words_get_no_vector(texts):
    result = train_word2vec([*texts, ["seldom"] * 4], small(min_count=5), seed=1)
    assert "seldom" not in result.vectors
    result = train_word2vec([*texts, ["seldom"] * 5], small(min_count=5), seed=1)
    assert "seldom" in result.vectors


def test_common_words_are_thinned_out(texts):
    """A word that is left out all the time keeps the vector it started with."""
    start = train_word2vec(texts, small(sample=1e-9, passes=1), seed=1).vectors
    thinned = train_word2vec(texts, small(sample=1e-9), seed=1).vectors
    whole = train_word2vec(texts, small(sample=0.0), seed=1).vectors
    word = whole.words[0]
    moved = [np.abs(found.vector(word) - start.vector(word)).max() for found in (thinned, whole)]
    assert moved[0] < 0.02 < moved[1]


def test_words_of_which_too_many_are_equally_common_are_refused():
    """It was said that no word stands once."""
    token_lists = [["a", "b"], ["c", "d"]]
    with pytest.raises(DataError, match=r"^the commonest of the 4 words all stand equally often, "):
        train_word2vec(token_lists, small(max_words=3), seed=1)


@pytest.mark.parametrize("token_lists", [[], [[]], [["a", "b"], ["a", "c"]]])
def test_words_that_are_all_too_rare_are_refused(token_lists):
    with pytest.raises(DataError) as caught:
        train_word2vec(token_lists, small(min_count=3), seed=1)
    assert str(caught.value).startswith(
        f"no word stands 3 times in the {len(token_lists)} texts, so there is nothing to train"
    )


def test_a_single_word_is_no_trouble():
    result = train_word2vec([["hello"]], small(), seed=1)
    assert result.vectors.words == ("hello",)


def test_without_gensim_the_install_command_is_told(monkeypatch, texts):
    def not_installed(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="gensim")

    monkeypatch.setattr(importlib, "import_module", not_installed)
    with pytest.raises(MissingExtraError, match=r"pip install 'gatewise\[train\]'"):
        train_word2vec(texts, small(), seed=1)


def test_progress_is_told_of_every_pass(texts):
    told = []

    class Listener:
        def start(self, stage, total, unit):
            told.append((stage, total, unit))

        def advance(self, n_units, note=""):
            told.append((n_units, note))

    result = train_word2vec(texts, small(passes=3), seed=1, progress=Listener())
    assert told[0] == ("word vectors", 3, "passes")
    assert told[1:] == [(1, f"loss {loss:.3f}") for loss in result.losses]


@pytest.mark.parametrize(
    "setting",
    [
        {"algorithm": "glove"},
        {"dimension": 0},
        {"dimension": "300"},
        {"window": 0},
        {"passes": 0},
        {"passes": 2.5},
        {"min_count": 0},
        {"negative": 0},
        {"sample": -0.1},
        {"sample": 1.5},
        {"workers": 0},
    ],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Word2VecConfig(**setting)


# Much text


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_several_threads_learn_the_same_neighbours_from_a_file(texts, algorithm):
    result = train_word2vec(texts, small(passes=10, workers=3, algorithm=algorithm), seed=7)
    assert set(result.vectors.words) == {word for pair in PAIRS for word in pair}
    matrix = result.vectors.matrix
    assert np.isfinite(matrix).all()
    right = sum(result.vectors.neighbours(sun, 1)[0][0] == warm for sun, warm in PAIRS)
    assert right > 40
    assert len(result.losses) == 10


def test_several_threads_read_a_long_document_to_its_end(monkeypatch):
    written = []
    opened = word2vec.Path.open

    def watched(path, *arguments, **options):
        stream = opened(path, *arguments, **options)
        lines = stream.writelines

        def writelines(given):
            written.extend(given)
            lines(written)

        stream.writelines = writelines
        return stream

    monkeypatch.setattr(word2vec.Path, "open", watched)
    document = ["filler", "words"] * 10_500 + ["last", "end"] * 20
    train_word2vec([document, ["one"]], small(workers=2, passes=1), seed=1)
    assert [len(line.split()) for line in written] == [10_000, 10_000, 1_040, 1]


def test_texts_are_never_held():
    class Texts:
        n_readings = 0

        def __len__(self):
            return 100

        def __iter__(self):
            self.n_readings += 1
            yield from make_texts(100)

    texts = Texts()
    found = train_word2vec(texts, small(passes=3), seed=1)
    assert texts.n_readings == 4
    expected = train_word2vec(make_texts(100), small(passes=3), seed=1)
    np.testing.assert_array_equal(found.vectors.matrix, expected.vectors.matrix)


def test_the_rarest_words_are_left_out_where_there_are_too_many(texts):
    rare = [[f"seldom{number}"] for number in range(30)]
    found = train_word2vec([*texts, *rare], small(max_words=110, passes=1), seed=1)
    assert set(found.vectors.words) == {word for pair in PAIRS for word in pair}
    found = train_word2vec([*texts, *rare], small(max_words=130, passes=1), seed=1)
    assert len(found.vectors.words) == 130
