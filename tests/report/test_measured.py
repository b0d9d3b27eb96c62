"""Which records are measured on, and where their texts come from."""

from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.evaluate.trust import NO_CLASS
from gatewise.report.measured import held_out_records, labelled_records
from gatewise.text.corpus import corpus_from_lists


def test_held_out_scores_are_blended_as_by_hand(classifier, corpus):
    model = classifier.model_
    kept = model.held_out
    found = held_out_records(model, corpus)
    network, ngrams = kept.network.astype(np.float64), kept.ngrams.astype(np.float64)
    expected = blend_log_probabilities(network, ngrams, model.blend)
    assert np.array_equal(found.blend, expected)
    plain = Blend(ngram_weight=model.blend.ngram_weight)
    assert np.array_equal(found.uncalibrated, blend_log_probabilities(network, ngrams, plain))
    assert found.right.mean() == pytest.approx(model.facts["held_out"]["blend"])
    assert np.exp(found.blend).sum(axis=1) == pytest.approx(1.0)
    own = np.exp(expected)[np.arange(len(kept.targets)), kept.targets]
    assert found.given == pytest.approx(own)


def test_their_texts_stand_in_the_corpus(classifier, corpus):
    found = held_out_records(classifier.model_, corpus)
    for text, line, label in zip(found.texts, found.lines, found.truth, strict=True):
        place = corpus.lines.index(line)
        assert (corpus.texts[place], corpus.labels[place]) == (text, label)


def test_where_there_are_no_texts(classifier, altered, held_out, corpus):
    assert held_out_records(classifier.model_).texts is None
    kept = held_out([0, 1], [[0.7, 0.2, 0.1]] * 2, source="validation")
    assert held_out_records(altered(held_out=kept).model_, corpus).texts is None
    kept = held_out([0, 1], [[0.7, 0.2, 0.1]] * 2, rows=[0, 100_000])
    assert held_out_records(altered(held_out=kept).model_, corpus).texts is None


def test_a_model_that_keeps_its_texts_has_them(classifier, altered, corpus):
    model = classifier.model_
    texts = tuple(corpus.texts[row] for row in model.index.rows)
    found = held_out_records(altered(index=replace(model.index, texts=texts)).model_)
    assert found.texts == held_out_records(model, corpus).texts
    assert found.lines is None  # a header, a refused row or a text of two lines would move them


def test_nothing_was_held_out(altered, held_out):
    assert held_out_records(altered(held_out=None).model_) is None
    nothing = held_out([], np.zeros((0, 3)))
    assert held_out_records(altered(held_out=nothing).model_) is None


def test_a_file_is_scored_by_the_model(classifier):
    texts = ["the machine kept my card", "what is my balance", "a song about rain"]
    data = corpus_from_lists(texts, ["card", "balance", "music"])
    found = labelled_records(classifier.model_, data)
    parts = classifier.predict_parts(texts)
    assert found.blend == pytest.approx(parts.blend)
    assert found.network == pytest.approx(parts.lstm)
    assert found.in_scope == pytest.approx(classifier.read(texts).in_scope)
    assert found.targets.tolist() == [1, 0, NO_CLASS]
    assert found.given[2] == 0.0
    assert not found.right[2]
    assert found.texts == tuple(texts)
    assert found.lines == (1, 2, 3)


def test_a_model_without_a_scope(altered):
    data = corpus_from_lists(["my card", "my balance"], ["card", "balance"])
    assert labelled_records(altered(scope=None).model_, data).in_scope is None


def test_a_file_of_another_task(classifier):
    data = corpus_from_lists(["one", "two"] * 4, [f"label {number}" for number in range(8)])
    with pytest.raises(DataError) as caught:
        labelled_records(classifier.model_, data)
    told = str(caught.value)
    assert "no record has a label that the model knows" in told
    assert "it knows 'balance', 'card', 'transfer', and the file has 'label 0'" in told
    assert "and 3 more" in told
