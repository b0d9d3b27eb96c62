"""The record that is replayed: which one, and its numbers against the replay's."""

import numpy as np
import pytest

from gatewise.explain.replay import replay
from gatewise.report.measured import held_out_records, labelled_records
from gatewise.report.replayed import replay_facts
from gatewise.report.words import word_facts
from gatewise.text.corpus import corpus_from_lists


def facts(classifier, measured, *, redacted=False):
    words = word_facts(classifier.model_, redacted=redacted)["map"]
    return replay_facts(classifier.model_, measured, words, redacted=redacted)


def test_a_record_of_median_length(classifier, corpus):
    measured = held_out_records(classifier.model_, corpus)
    found = facts(classifier, measured)
    lengths = sorted(map(len, measured.texts))
    text = next(text for text in measured.texts if len(text) == lengths[(len(lengths) - 1) // 2])
    replayed = replay(classifier, text)
    row = measured.texts.index(text)
    assert found["record"] == {
        "label": measured.truth[row],
        "was_learnt": True,
        "answer": classifier.model_.labels[measured.answers[row]],
        "probability": measured.confidences[row],
    }
    assert found["answer"] == replayed.label
    assert found["probability"] == pytest.approx(replayed.probabilities.max())
    assert found["tokens"] == [token.surface for token in replayed.tokens]
    credit = replayed.credits.steps[:, replayed.decision]
    assert found["credits"][0]["values"] == pytest.approx(credit)
    assert np.abs(found["credits"][0]["strengths"]).max() == pytest.approx(1.0)
    gates = replayed.layers[-1].forward
    assert found["gates"][1]["values"] == pytest.approx(gates.f.mean(axis=1))
    shown = {row["name"]: row["values"] for row in found["states"]}
    assert len(shown) == 4
    for unit in range(4):
        assert shown[f"unit {unit}"] == pytest.approx(gates.h[:, unit])
    best = found["classes"][0]
    total = best["tokens"] + best["ngrams"] + best["bias"]
    assert total == pytest.approx(replayed.credits.scores[replayed.decision])


def test_a_record_of_a_file_was_not_learnt(classifier):
    data = corpus_from_lists(["my card", "what is my balance"], ["card", "balance"])
    found = facts(classifier, labelled_records(classifier.model_, data))
    assert found["record"]["was_learnt"] is False
    assert found["tokens"] == ["my", "card"]


def test_without_texts_it_is_made_of_words(classifier):
    found = facts(classifier, held_out_records(classifier.model_))
    assert found["record"] is None
    assert 0 < len(found["tokens"]) <= 8
    assert all(token in classifier.model_.vocabulary for token in found["tokens"])


def test_names_and_digits_are_masked_token_by_token(classifier):
    data = corpus_from_lists(["ask Ada about card 123"] * 2, ["card", "balance"])
    found = facts(classifier, labelled_records(classifier.model_, data), redacted=True)
    assert found["tokens"] == ["ask", "[name]", "about", "card", "###"]


def test_a_long_text_is_cut(classifier):
    data = corpus_from_lists(["my card " * 60] * 2, ["card", "balance"])
    found = facts(classifier, labelled_records(classifier.model_, data))
    assert len(found["tokens"]) == 40
    assert found["n_more"] == 80


def test_there_may_be_nothing_to_read(classifier):
    assert replay_facts(classifier.model_, None, [], redacted=False) is None
