"""Punctuation is read where it tells what words don't, and only there."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.punctuation import settle_punctuation, signs_help
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.recipes import choose_recipe
from gatewise.store.archive import load, save
from gatewise.store.predictor_archive import load_predictor
from gatewise.text.tokens import tokenize

WORDS = ["rain", "sun", "wind", "snow", "cloud", "storm", "fog", "hail"]
REQUEST = FitRequest(choose_recipe("modern"), ("ann", "ben"), seed=3)
SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 4,
    "word2vec_passes": 1,
    "batch_size": 16,
    "device": "cpu",
}


def written(n_texts, *, told, n_words=6, seed=0):
    """Texts of two people with the same words; one ends all with a link, if that is to tell."""
    generator = random.Random(seed)
    texts, targets = [], []
    for number in range(n_texts):
        target = number % 2
        text = " ".join(generator.choices(WORDS, k=n_words))
        is_ben = target if told else generator.randrange(2)
        texts.append(f"{text} - ." if is_ben else f"{text},")
        targets.append(target)
    return LabelledTexts(texts, np.array(targets), None)


def test_it_is_read_where_it_tells():
    request, note = settle_punctuation(written(400, told=True), REQUEST)
    assert request.language == "auto+signs"
    assert note.startswith("punctuation is read too: of 400 records, ")
    assert request == replace(REQUEST, language="auto+signs")


@pytest.mark.parametrize(
    ("data", "language"),
    [
        (written(400, told=False), "auto"),
        (written(298, told=True), "auto"),  # too few to tell
        (written(300, told=True, n_words=70), "auto"),  # its signs would take the places of words
        (written(400, told=True), "auto+words"),
        (written(400, told=True), "auto+signs"),
        (written(400, told=True), "pretokenized"),
    ],
)
def test_elsewhere_all_stays_as_it_is(data, language):
    request = replace(REQUEST, language=language)
    assert settle_punctuation(data, request) == (request, None)


def test_a_language_that_is_none():
    with pytest.raises(ConfigError, match="language is 'klingon'"):
        settle_punctuation(written(400, told=True), replace(REQUEST, language="klingon"))


def test_what_is_counted():
    texts = [f"{'snow' if row % 4 < 2 else 'rain'} {'.' if row % 2 else ','}" for row in range(80)]
    tokens = [tokenize(text, "auto+signs") for text in texts]
    by_sign = np.arange(80) % 2
    with_them, without = signs_help(tokens, by_sign, seed=0)
    assert (without, with_them > 20) == (0, True)  # words alone are right by chance
    by_word = (np.arange(80) % 4 < 2).astype(np.int64)
    assert signs_help(tokens, by_word, seed=0) == (0, 0)
    rare = np.zeros(80, dtype=np.int64)
    rare[0] = 1  # so one half has a single class
    assert signs_help(tokens, rare, seed=0) == (0, 0)
    assert signs_help([[] for _ in tokens], by_sign, seed=0) == (0, 0)


def test_a_model_goes_on_reading_what_it_has_learnt(tmp_path):
    data = written(400, told=True)
    labels = [("ann", "ben")[target] for target in data.targets]
    classifier = TextClassifier(**SMALL, random_state=0).fit(data.texts, labels)
    assert classifier.model_.language == "auto+signs"
    assert any("punctuation is read too" in note for note in classifier.model_.facts["notes"])
    asked = ["rain snow - .", "rain snow,", "..."]
    save(classifier, tmp_path / "model")
    again, plain = load(tmp_path / "model"), load_predictor(tmp_path / "model")
    assert list(classifier.predict(asked[:2])) == ["ben", "ann"]
    assert np.array_equal(again.predict_proba(asked), classifier.predict_proba(asked))
    assert list(plain.predict(asked[:2])) == ["ben", "ann"]
    words = TextClassifier(**SMALL, random_state=0, language="auto+words").fit(data.texts, labels)
    assert words.model_.language == "auto+words"
    assert (words.predict(data.texts) == labels).mean() < 0.75  # there is nothing to be learnt
