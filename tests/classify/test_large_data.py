"""Records in files instead of in memory, and what has an upper limit where they are many."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from gatewise import TextClassifier
from gatewise.base.progress import SilentProgress
from gatewise.classify import plan
from gatewise.classify.records import draw_records
from gatewise.classify.training_data import Store, read_training_data, store_for
from gatewise.text.corpus import read_corpus
from gatewise.text.stored_corpus import StoredCorpus, store_corpus

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "epochs": 1,
    "word2vec_passes": 2,
    "batch_size": 16,
}


@pytest.fixture(name="source")
def _source(tmp_path, make_tickets):
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = zip(*make_tickets(200), strict=True)
        csv.writer(stream).writerows([("text", "label"), *rows])
    return path


def assert_same(first, second):
    ours, theirs = first.model_, second.model_
    weights = ours.network.arrays()
    assert weights.keys() == theirs.network.arrays().keys()
    for name, array in theirs.network.arrays().items():
        np.testing.assert_array_equal(weights[name], array)
    assert ours.ngrams.terms == theirs.ngrams.terms
    np.testing.assert_array_equal(ours.ngrams.weights, theirs.ngrams.weights)
    assert ours.vocabulary.words == theirs.vocabulary.words
    assert (ours.blend, ours.decision) == (theirs.blend, theirs.decision)
    for kind, values in theirs.scope.references.items():
        np.testing.assert_array_equal(ours.scope.references[kind], values)
    assert ours.facts["data_fingerprint"] == theirs.facts["data_fingerprint"]
    np.testing.assert_array_equal(ours.index.points, theirs.index.points)
    assert ours.index.texts == theirs.index.texts
    assert first.classes_.tolist() == second.classes_.tolist()


@pytest.mark.parametrize("settings", [{"keep_texts": True}, {"class_weight": "balanced"}])
def test_records_in_files_give_the_same_model(source, tmp_path, settings):
    read = read_corpus(source)
    plain = TextClassifier(**SMALL, **settings).fit(read.texts, read.labels)
    corpus = store_corpus(source, tmp_path / "cache")
    assert_same(TextClassifier(**SMALL, **settings).fit(corpus.texts, corpus.labels), plain)


def test_with_validation_texts_in_files_and_another_language_than_theirs(source, tmp_path):
    corpus = store_corpus(source, tmp_path / "cache")
    texts, labels = list(corpus.texts), list(corpus.labels)
    found, expected = (
        TextClassifier(**SMALL, language="tr").fit(*records, validation=records)
        for records in ((corpus.texts, corpus.labels), (texts, labels))
    )
    assert_same(found, expected)


def test_of_very_many_records_the_companion_learns_from_some(source, monkeypatch, make_tickets):
    monkeypatch.setattr(plan, "_COMPANION_RECORDS", 90)
    texts, labels = make_tickets(200)
    texts = [f"{text} word{number}" for number, text in enumerate(texts)]
    model = TextClassifier(**SMALL).fit(texts, labels).model_
    assert "the n-gram companion learns from 92 of 200 texts" in model.facts["notes"]
    assert sum(term.startswith("w:word") and " " not in term for term in model.ngrams.terms) == 92
    # The network still reads them all.
    assert sum(word.startswith("word") for word in model.vocabulary.words) == 200


def test_several_threads_are_told_and_recorded(make_tickets):
    model = TextClassifier(**SMALL, word2vec_workers=2).fit(*make_tickets(60)).model_
    assert any("word2vec ran in 2 threads" in note for note in model.facts["notes"])
    assert np.isfinite(model.network.arrays()["words.weight"]).all()


def test_drawn_records_keep_the_shares_and_the_small_classes():
    targets = np.repeat([0, 1, 2], [8_000, 1_990, 10])
    generator = np.random.default_rng(0)
    rows = draw_records(targets, 1_000, generator)
    assert (np.diff(rows) > 0).all()
    assert np.bincount(targets[rows]).tolist() == [800, 199, 10]
    assert rows[:800].max() > 7_900  # drawn from everywhere
    again = draw_records(targets, 1_000, generator)
    assert again.tolist() != rows.tolist()
    assert draw_records(targets, 10_000, generator).tolist() == list(range(10_000))


@pytest.mark.parametrize(
    ("name", "smallest", "taken"),
    [("a.csv", 100, True), ("a.csv", 101, False), ("a.csv.gz", 400, True), ("none.csv", 0, False)],
)
def test_a_file_is_large_by_its_size(tmp_path, name, smallest, taken):
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"x" * 100)
    assert Store(tmp_path, smallest).takes(tmp_path / name) is taken


def test_a_folder_that_was_asked_for_takes_every_file(source, tmp_path):
    asked, usual = tmp_path / "asked", tmp_path / "usual"
    for cache, kind in ((asked, StoredCorpus), (None, None)):
        store = store_for(cache, usual, SilentProgress())
        corpus = read_training_data(source, store=store).corpus
        assert isinstance(corpus, StoredCorpus) is (kind is StoredCorpus)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["asked"]


def test_vectors_are_kept_for_the_words_of_texts_in_files(source, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("card 1 2\nnowhere 3 4\nabroad 5 6\n", encoding="utf-8")
    read = read_training_data(source, vectors=vectors, store=Store(tmp_path / "cache", 0))
    assert set(read.vectors.words) == {"card", "abroad"}


@pytest.mark.parametrize(
    ("n_words", "told"), [(1_000, None), (400_000, "400,000 words and 10 letter groups")]
)
def test_large_tables_are_told(n_words, told):
    config = plan.NetworkConfig(
        n_words=n_words, n_ngrams=10, n_classes=2, word_dimension=100, ngram_dimension=5
    )
    found = plan.tables_told(config)
    assert found is None if told is None else told in found and "640 MB" in found
