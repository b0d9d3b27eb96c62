"""The map of words against scikit-learn's components, and neighbours against the vectors."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from gatewise.classify.trained_vectors import trained_vectors
from gatewise.report.words import N_COLOURS, map_places, word_facts


def test_the_map_has_the_order_of_the_two_main_directions():
    matrix = np.random.default_rng(4).normal(size=(40, 9)).astype(np.float32)
    matrix *= np.linspace(3, 1, 9, dtype=np.float32)
    places, explained = map_places(matrix)
    components = PCA(2).fit(matrix.astype(np.float64))
    assert explained == pytest.approx(components.explained_variance_ratio_.sum())
    expected = components.transform(matrix.astype(np.float64))
    for axis in range(2):
        largest = components.components_[axis][np.abs(components.components_[axis]).argmax()]
        ranks = (expected[:, axis] * np.sign(largest)).argsort().tolist()
        assert places[:, axis].argsort().tolist() == ranks
    assert places.min() >= 0.0
    assert places.max() <= 1.0


def test_a_map_does_not_depend_on_the_sign_of_a_direction():
    matrix = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
    assert map_places(matrix)[0].tolist() == map_places(matrix.copy(order="F"))[0].tolist()


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (3, 1)])
def test_small_maps(shape):
    places, explained = map_places(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()
    assert explained == (0.0 if shape[0] == 1 else pytest.approx(1.0))


def test_words_of_a_model(classifier):
    found = word_facts(classifier.model_, redacted=False)
    vectors = trained_vectors(classifier.model_)
    assert found["n_words"] == len(vectors)
    assert found["dimension"] == 8
    assert [one.word for one in found["map"]] == list(vectors.words[:200])
    probabilities = classifier.predict_proba([one.word for one in found["map"][:9]])
    for one, expected in zip(found["map"], probabilities, strict=False):
        assert one.label == classifier.classes_[expected.argmax()]
        assert one.probability == pytest.approx(expected.max())
        assert one.colour == found["colours"].index(one.label) + 1
    assert len(found["colours"]) <= N_COLOURS
    for row in found["neighbours"]:
        assert row["near"] == vectors.neighbours(row["word"], 6)
    assert len(found["losses"]) == 2


def test_rare_words_digits_and_names_are_left_out_of_a_page_for_others(classifier):
    def words(**options):
        found = word_facts(classifier.model_, **options)
        near = {word for row in found["neighbours"] for word, _ in row["near"]}
        return {one.word for one in found["map"]} | near

    shown, masked = words(redacted=False), words(redacted=True)
    vocabulary = classifier.model_.vocabulary
    counts = dict(zip(vocabulary.words, vocabulary.counts, strict=True))
    assert any(letter.isdigit() for word in shown for letter in word)
    common = {word for word in shown if counts[word] >= 10}
    assert masked == {word for word in common if not any(map(str.isdigit, word))}
    assert "money" in masked
    named = words(redacted=True, texts=["ask mister Money, or Balance-Card"])
    assert named == masked - {"money", "balance", "card", "balance-card"}
    parts = words(redacted=True, texts=["write to money.card@example.com, or see www.balance.org"])
    assert parts == masked - {"money", "balance", "card"}
