"""The estimator abstains from what it does not know."""

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.near_records import nearest_records
from gatewise.text.tokens import tokenize

SMALL = {
    "units": 6,
    "word_dimension": 12,
    "ngram_dimension": 6,
    "projection": 0,
    "epochs": 8,
    "learning_rate": 0.01,
    "word2vec_passes": 3,
    "batch_size": 16,
}
NONSENSE = ["plugh xyzzy qwvb", "Ich verstehe nur Bahnhof", "今天天气很好", "?!", ""]
OUTSIDE = [
    f"{verb} the {noun}" for verb in ("paint", "sing", "bake") for noun in ("bread", "sea", "moon")
]


def fit(make_tickets, *, outside=None, **changes):
    texts, labels = make_tickets(260)
    return TextClassifier(**SMALL | changes).fit(texts, labels, out_of_scope=outside)


@pytest.fixture(scope="module")
def fitted(make_tickets):
    """A classifier with held-out records. Nobody may change it."""
    return fit(make_tickets)


def test_nonsense_has_no_answer_and_tickets_have(fitted, make_tickets):
    texts, labels = make_tickets(60, seed=9)
    assert fitted.predict(NONSENSE, abstain=True).tolist() == [None] * len(NONSENSE)
    found = fitted.predict(texts, abstain=True)
    assert found.dtype == object
    given = [one is not None for one in found]
    assert np.mean(given) > 0.8
    assert np.mean([one == label for one, label in zip(found, labels, strict=True)]) > 0.75


def test_without_being_asked_it_answers_everything(fitted):
    assert all(isinstance(one, str) for one in fitted.predict(NONSENSE).tolist())


def test_a_reading_holds_together(fitted, make_tickets):
    texts = [*make_tickets(20, seed=9)[0], *NONSENSE]
    reading = fitted.read(texts)
    assert np.exp(reading.parts.blend) == pytest.approx(fitted.predict_proba(texts), abs=1e-9)
    assert reading.in_scope.shape == (25,)
    assert reading.in_scope.min() == 0.0  # of the text without a word
    assert reading.in_scope.max() <= 1.0
    decision = fitted.model_.decision
    expected = reading.in_scope >= decision.outside_below
    assert reading.answers.tolist() == expected.tolist()
    assert decision.outside_below == pytest.approx(0.05, abs=0.03)


def test_a_text_alone_is_read_as_among_others(fitted, make_tickets):
    texts = make_tickets(30, seed=9)[0]
    together = fitted.read(texts).in_scope
    alone = np.concatenate([fitted.read([text]).in_scope for text in texts])
    assert alone == pytest.approx(together, abs=0.02)


def test_all_are_answered_where_that_is_asked_for(make_tickets):
    generous = fit(make_tickets, abstain_coverage=1.0)
    assert generous.model_.decision.outside_below == 0.0
    assert None not in generous.predict(NONSENSE, abstain=True).tolist()


def test_a_precision_gives_a_threshold_of_the_probability(make_tickets):
    texts, labels = make_tickets(260)
    noisy = [labels[(row * 7) % 260] if row % 4 == 0 else labels[row] for row in range(260)]
    careful = TextClassifier(**SMALL, abstain_precision=0.9).fit(texts, noisy)
    decision = careful.model_.decision
    assert 0.0 < decision.abstain_below < 1.0 or careful.model_.facts["notes"]


def test_without_held_out_records_there_is_no_score(make_tickets):
    plain = fit(make_tickets, validation_fraction=0.0)
    assert plain.model_.scope is None
    assert plain.model_.held_out is None
    assert plain.read(["my card"]).in_scope is None
    assert plain.predict(["xyzzy"], abstain=True).tolist() != [None]


def test_targets_that_are_no_shares(make_tickets):
    with pytest.raises(ConfigError, match="abstain_coverage is 2"):
        fit(make_tickets, abstain_coverage=2)
    with pytest.raises(ConfigError, match="abstain_precision is 'most'"):
        fit(make_tickets, abstain_precision="most")


# Out-of-scope examples


def test_examples_from_outside_are_told_apart(make_tickets):
    taught = fit(make_tickets, outside=OUTSIDE)
    model = taught.model_
    assert model.ngrams.outside.shape == (len(model.ngrams.terms) + 1,)
    assert model.ngrams.weights.shape == (len(model.ngrams.terms), 3)
    assert "belonging" in model.scope.references
    tokens = [tokenize(text) for text in ("sing the bread", "my card is stuck in the machine")]
    outside, inside = model.ngrams.outside_scores(tokens)
    assert outside > 0 > inside
    assert taught.read(["paint the moon"]).in_scope[0] < 0.05


def test_without_examples_no_column_is_kept(fitted):
    assert fitted.model_.ngrams.outside is None
    assert "belonging" not in fitted.model_.scope.references
    assert fitted.model_.ngrams.outside_scores([["card"]]).tolist() == [0.0]


def test_weights_of_records_go_together_with_examples(make_tickets):
    texts, labels = make_tickets(100)
    found = TextClassifier(**SMALL).fit(
        texts, labels, sample_weight=[1.0 + row % 3 for row in range(100)], out_of_scope=OUTSIDE
    )
    assert found.model_.ngrams.outside is not None


def test_examples_need_the_companion(make_tickets):
    with pytest.raises(ConfigError, match="out-of-scope examples are learnt from by the companion"):
        fit(make_tickets, outside=OUTSIDE, companion=False)


# The nearest records


def test_the_nearest_record_of_a_training_text_is_itself(make_tickets):
    texts, labels = make_tickets(120)
    kept = TextClassifier(**SMALL, keep_texts=True).fit(texts, labels)
    for text, records in zip(texts[:20], nearest_records(kept, texts[:20], 3), strict=True):
        assert len(records) == 3
        assert records[0].similarity == pytest.approx(1.0, abs=1e-3)
        assert [one.similarity for one in records] == sorted(
            (one.similarity for one in records), reverse=True
        )
        assert all(one.text == texts[one.row] and one.label == labels[one.row] for one in records)
        assert text in [one.text for one in records] or records[-1].similarity > 0.999


def test_texts_are_kept_only_on_request(fitted):
    ((first, *_),) = nearest_records(fitted, ["my card"], 2)
    assert first.text is None
    assert first.told == f"record {first.row + 1}"
    with pytest.raises(ConfigError, match="nearest is 261; allowed is 0 to 260"):
        nearest_records(fitted, ["my card"], 261)
