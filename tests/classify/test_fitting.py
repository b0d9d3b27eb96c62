from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify import companion_records
from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.calibration import fit_blend
from gatewise.classify.companion import CompanionConfig, fit_ngrams
from gatewise.classify.fitting import fit_model
from gatewise.classify.model import score_texts
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.recipes import choose_recipe
from gatewise.text.tokens import tokenize
from gatewise.vectors.word_vectors import WordVectors

LABELS = ("balance", "card", "transfer")
SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "final_epochs": 1,
    "batch_size": 16,
    "word2vec_passes": 2,
}


class Listener:
    """Remembers what it is told."""

    def __init__(self):
        self.stages, self.messages, self.n_done = [], [], []

    def start(self, stage, total, unit):
        self.stages.append((stage, total, unit))
        self.n_done.append(0)

    def advance(self, n_units, note=""):
        self.n_done[-1] += n_units

    def running(self, parts, seconds_left):
        pass

    def message(self, text):
        self.messages.append(text)


@pytest.fixture(scope="module")
def make_data(make_tickets):
    def make(n_records, seed=0, weights=None):
        texts, labels = make_tickets(n_records, seed)
        return LabelledTexts(texts, np.array([LABELS.index(label) for label in labels]), weights)

    return make


def make_request(recipe="modern", seed=3, changes=None, **more):
    return FitRequest(choose_recipe(recipe, **SMALL | (changes or {})), LABELS, seed, **more)


@pytest.fixture(scope="module")
def held_out(make_data):
    """A fit with records enough to hold some out, and what it told. Nobody may change it."""
    listener = Listener()
    return fit_model(make_data(180), make_request(progress=listener)), listener


@pytest.fixture(scope="module")
def few(make_data):
    """A fit with too few records for that."""
    return fit_model(make_data(40), make_request())


def same_network(first, second):
    state = second.network.state_dict()
    return all(torch.equal(value, state[key]) for key, value in first.network.state_dict().items())


def tokens_of(data):
    return [tokenize(text) for text in data.texts]


# Held-out records


def test_a_share_is_held_out_and_measured(held_out):
    model, _ = held_out
    measured = model.facts["held_out"]
    assert 30 <= measured["n_records"] <= 40
    assert all(0 <= measured[part] <= 1 for part in ("lstm", "ngrams", "blend"))
    assert all(epoch.validation_accuracy is not None for epoch in model.history[:2])
    assert model.facts["learnt_share"] > 0.01
    (note,) = model.facts["notes"]
    assert "of the held-out records have a text that was learnt from too" in note


def test_the_last_epochs_follow_on_all_records(held_out):
    model, listener = held_out
    assert len(model.history) == 3
    assert model.history[2].validation_accuracy is None
    assert ("last epochs", 180, "records") in listener.stages
    n_kept = 180 - model.facts["held_out"]["n_records"]
    assert ("training", 2 * n_kept, "records") in listener.stages


def test_the_companion_ends_up_with_all_records(held_out, make_data):
    model, _ = held_out
    data = make_data(180)
    whole = fit_ngrams(tokens_of(data), data.targets, CompanionConfig(), n_classes=3, seed=0)
    assert model.ngrams.terms == whole.terms
    np.testing.assert_allclose(model.ngrams.idf, whole.idf)
    np.testing.assert_allclose(model.ngrams.weights, whole.weights, atol=0.01)


def test_what_is_measured_was_not_learnt():
    """Labels by lot on texts without a common word: whoever knows them has seen them."""
    targets = np.random.default_rng(0).integers(0, 3, 180)
    texts = [f"first{row}x second{row}y third{row}z" for row in range(180)]
    request = make_request(changes={"epochs": 12, "learning_rate": 0.01, "word_rate": 1.0})
    model = fit_model(LabelledTexts(texts, targets), request)
    measured = model.facts["held_out"]
    assert max(measured["lstm"], measured["ngrams"], measured["blend"]) < 0.65
    margins = model.ngrams.scores([tokenize(text) for text in texts])
    assert (margins.argmax(axis=1) == targets).mean() == 1.0


def test_another_cost_of_errors_is_told_once(make_data, monkeypatch):
    def settle(self, rows, judges):
        return self.fit(rows, 0.5), 0.5

    monkeypatch.setattr(companion_records.CompanionRecords, "fit_best", settle)
    model = fit_model(make_data(180), make_request())
    assert model.facts["companion_cost"] == 0.5
    told = [note for note in model.facts["notes"] if "of errors" in note]
    assert len(told) == 1
    assert "a cost of errors of 0.5 instead of 1" in told[0]


def test_the_fraction_decides_how_many(make_data):
    request = make_request(changes={"final_epochs": 0}, validation_fraction=0.5)
    model = fit_model(make_data(90), request)
    assert model.facts["held_out"]["n_records"] == pytest.approx(45, abs=3)
    assert len(model.history) == 2


def test_with_few_records_nothing_is_held_out(few):
    assert "held_out" not in few.facts
    assert len(few.history) == 2
    assert few.history[0].validation_accuracy is None
    assert 0 < few.blend.ngram_weight < 1
    (note,) = few.facts["notes"]
    assert note.startswith("too few records to hold some out (")
    assert note.endswith(
        "nothing was measured while training, every text is answered and the blend is half and half"
    )


def test_texts_without_a_word_are_told(make_data):
    data = make_data(40)
    data = replace(data, texts=["...", "--", *data.texts[2:]])
    model = fit_model(data, make_request("minimal", validation_fraction=0.0))
    told = "texts without a word or number, from which nothing can be learnt: 2 of 40"
    assert told in model.facts["notes"]


def test_a_fraction_of_zero_is_not_called_too_few(make_data):
    request = make_request("minimal", validation_fraction=0.0)
    model = fit_model(make_data(40), request)
    assert model.facts["notes"] == [
        "no records are held out (0 of 40), so nothing was measured while training, "
        "every text is answered"
    ]
    assert model.blend == Blend()


# Validation records given


@pytest.fixture(scope="module")
def validated(make_data):
    """A fit with validation records in an order of their own."""
    own, order = make_data(20, seed=9), np.random.default_rng(1).permutation(20)
    validation = LabelledTexts([own.texts[row] for row in order], own.targets[order])
    validation.texts[0] += " onlyhere"
    return fit_model(make_data(40), make_request(validation=validation)), validation


def test_given_records_are_measured_and_never_learnt(validated, make_data):
    model, _ = validated
    assert model.facts["held_out"]["n_records"] == 20
    assert len(model.history) == 2
    assert "onlyhere" not in model.vocabulary
    assert not any("onlyhere" in term for term in model.ngrams.terms)
    data = make_data(40)
    own = fit_ngrams(tokens_of(data), data.targets, CompanionConfig(), n_classes=3, seed=0)
    np.testing.assert_allclose(model.ngrams.weights, own.weights, atol=0.01)


def test_given_records_choose_the_blend(validated):
    """No last epochs follow, so the final network gives the scores that were measured."""
    model, validation = validated
    raw = replace(model, blend=Blend())
    network_scores = score_texts(raw, validation.texts).lstm
    margins = model.ngrams.scores(tokens_of(validation))
    expected = fit_blend(network_scores, margins, validation.targets)
    assert model.blend.network_temperature == pytest.approx(expected.network_temperature, rel=1e-3)
    assert model.blend.ngram_weight == expected.ngram_weight
    mixed = blend_log_probabilities(network_scores, margins, model.blend)
    for part, scores in (("lstm", network_scores), ("ngrams", margins), ("blend", mixed)):
        right = (scores.argmax(axis=1) == validation.targets).mean()
        assert model.facts["held_out"][part] == pytest.approx(right)


def test_the_labels_of_validation_records_do_not_reach_the_weights(validated, make_data):
    model, validation = validated
    changed = replace(validation, targets=(validation.targets + 1) % 3)
    request = make_request(validation=changed, changes={"patience": 0})
    other = fit_model(make_data(40), request)
    assert same_network(model, other)
    assert model.blend != other.blend


# Words and vectors


def test_words_of_unlabelled_texts_are_learnt(make_data):
    request = make_request(unlabelled=["savings book", "savings plan", "a savings book"])
    model = fit_model(make_data(40), request)
    assert "savings" in model.vocabulary
    assert not any("savings" in term for term in model.ngrams.terms)


def test_given_vectors_are_the_start(make_data):
    words = ["card", "money", "zebra"]
    vectors = WordVectors(words, np.random.default_rng(0).normal(0, 1, (3, 8)))
    changes = {"embedding": "frozen", "vector_scale": 0.0}
    model = fit_model(make_data(40), make_request(vectors=vectors, changes=changes))
    row = model.network.words.weight[model.vocabulary.word_id("card")]
    np.testing.assert_array_equal(row.numpy(), vectors.vector("card"))
    n_words = len(model.vocabulary) - 2
    assert model.facts["coverage"]["words"] == pytest.approx(2 / n_words)
    assert "word2vec_losses" not in model.facts


def test_given_vectors_that_are_of_no_use_are_told(make_data):
    vectors = WordVectors(["zebra"], np.ones((1, 8)))
    unknown = fit_model(make_data(40), make_request(vectors=vectors))
    assert (
        "no word of the vocabulary has a vector, so all start at random" in unknown.facts["notes"]
    )
    random = make_request(vectors=vectors, changes={"embedding": "random"})
    notes = fit_model(make_data(40), random).facts["notes"]
    assert "the word vectors given are not used: embedding is 'random'" in notes


def test_given_vectors_of_another_length_are_refused(make_data):
    vectors = WordVectors(["card"], np.ones((1, 5)))
    with pytest.raises(ConfigError) as caught:
        fit_model(make_data(40), make_request(vectors=vectors))
    assert str(caught.value) == (
        "the vectors given have 5 numbers a word, but word_dimension is 8; "
        "leave word_dimension away"
    )


@pytest.mark.parametrize(("n_repeats", "alike"), [(1, False), (20, True)])
def test_word_vectors_of_long_texts_start_with_one_length(make_data, n_repeats, alike):
    data = make_data(30)
    data = replace(data, texts=[" ".join([text] * n_repeats) for text in data.texts])
    model = fit_model(data, make_request(changes={"embedding": "frozen", "epochs": 1}))
    assert (model.facts["mean_length"] > 60) is alike
    sizes = model.network.words.weight[2:].std(dim=1, correction=0)
    assert bool(torch.isclose(sizes, torch.tensor(0.3), atol=1e-5).all()) is alike


@pytest.mark.parametrize("embedding", ["fine-tuned", "frozen", "random"])
def test_how_words_start_and_whether_they_learn(make_data, embedding):
    changes = {"embedding": embedding, "vector_scale": 0.3}
    before = fit_model(make_data(40), make_request(changes=changes | {"word_rate": 0.0}))
    after = fit_model(make_data(40), make_request(changes=changes | {"word_rate": 5.0}))
    words = before.network.words.weight.detach()[2:]
    moved = not torch.equal(words, after.network.words.weight.detach()[2:])
    assert moved == (embedding != "frozen")
    assert ("coverage" in before.facts) == (embedding != "random")
    deviation = 0.029 if embedding == "random" else 0.3
    assert float(words.std()) == pytest.approx(deviation, rel=0.1)


def test_sizes_are_limited(make_data):
    model = fit_model(make_data(40), make_request(max_words=5))
    assert len(model.vocabulary) == 7
    assert model.network.config.n_words == 7


def test_without_ngram_vectors_the_vocabulary_has_none(make_data, few):
    model = fit_model(make_data(40), make_request(changes={"ngram_dimension": 0}))
    assert model.vocabulary.ngrams == ()
    assert model.network.ngrams is None
    assert few.network.config.n_ngrams == len(few.vocabulary.ngrams) > 0


# Weights, seeds, texts


def test_weights_reach_both_parts(make_data, few):
    weights = np.where(np.arange(40) % 3 == 1, 3.0, 0.1)
    model = fit_model(make_data(40, weights=weights / weights.mean()), make_request())
    texts = make_data(30, seed=4).texts
    for part in ("lstm", "ngrams"):
        heavy = getattr(score_texts(model, texts), part)[:, 1].mean()
        assert heavy > getattr(score_texts(few, texts), part)[:, 1].mean()


def test_the_seed_decides(make_data, few):
    assert same_network(few, fit_model(make_data(40), make_request()))
    assert not same_network(few, fit_model(make_data(40), make_request(seed=4)))


def test_cut_texts_are_noted(make_data):
    listener = Listener()
    request = make_request(changes={"max_length": 3}, progress=listener)
    model = fit_model(make_data(40), request)
    assert (
        "are longer than 3 tokens; the network reads that much of them" in model.facts["notes"][1]
    )
    assert set(model.facts["notes"]) <= set(listener.messages)
    assert model.network.config.max_length == 3


def test_texts_without_any_token_are_refused(make_data):
    data = LabelledTexts(["...", " ", ""], np.array([0, 1, 2]))
    with pytest.raises(DataError) as caught:
        fit_model(data, make_request(validation=make_data(9)))
    assert str(caught.value) == (
        "none of the 3 texts has a word or number in it; check that the right column was read"
    )


def test_a_text_without_a_token_is_no_trouble(make_data):
    data = make_data(40)
    texts = ["", "   ", *data.texts[2:]]
    fitted = fit_model(replace(data, texts=texts), make_request())
    assert np.isfinite(score_texts(fitted, texts).blend).all()


def test_tokens_are_cut_as_the_language_says(make_data):
    model = fit_model(make_data(40), make_request(language="pretokenized"))
    assert "!!!" in model.vocabulary
    assert model.language == "pretokenized"


# What is kept and told


def test_what_a_fitted_model_knows_of_its_fit(held_out):
    model, listener = held_out
    assert model.labels == LABELS
    assert model.seed == 3
    assert model.recipe.epochs == 2
    assert model.recipe.max_length == model.network.config.max_length
    assert model.facts["n_records"] == 180
    assert model.facts["mean_length"] > 3
    assert len(model.facts["word2vec_losses"]) == 2
    assert model.facts["coverage"] == {"words": 1.0, "occurrences": 1.0}
    stages = {"punctuation", "tokens", "vocabulary", "word vectors", "training", "companion"}
    stages |= {"last epochs", "index"}
    assert model.facts["seconds"].keys() == stages
    assert all(seconds >= 0 for seconds in model.facts["seconds"].values())
    assert any("100.0% of all occurrences" in text for text in listener.messages)


def test_progress_is_told_of_every_stage_to_its_end(held_out):
    _, listener = held_out
    assert [stage for stage, _, _ in listener.stages] == [
        "tokens",
        "word vectors",
        "training",
        "companion",
        "companion",
        "last epochs",
    ]
    totals = [total for _, total, _ in listener.stages]
    assert listener.n_done == totals


def test_a_recipe_without_a_companion_has_none(make_data):
    model = fit_model(make_data(180), make_request("minimal"))
    assert model.ngrams is None
    assert model.blend.ngram_weight == 0.0
    assert model.facts["held_out"].keys() == {"n_records", "lstm", "blend"}
