"""The light predictor: alone and among others, from none to many, in other scripts."""

from dataclasses import replace

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.classify import predictor as predictor_module
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.decision import Decision
from gatewise.classify.plain_model import plain_model
from gatewise.network.precision import Precision
from gatewise.store.onnx_session import make_predictor

CHINESE = ["我的卡丢了", "我想查余额", "银行卡被吞了", "余额是多少"]
CHINESE += ["卡在机器里", "查一下余额 ok"]
CASES = {
    "modern": {"validation_fraction": 0.4},
    "two layers, projected": {"layers": 2, "projection": 6, "pooling": "last", "companion": False},
    "mean, one direction": {"pooling": "mean", "pool_vectors": True, "bidirectional": False},
    "classic": {"recipe": "classic"},
    "minimal": {"recipe": "minimal"},
}


def make_light(classifier):
    """The same model with a graph, and with torch but without bfloat16."""
    model = replace(classifier.model_, precision=Precision())
    plain = replace(plain_model(model), classes=classifier.classes_)
    return make_predictor(plain), model


@pytest.fixture(scope="module")
def texts(make_tickets):
    more = ["", "unheard wrods", "card " * 300, "!!", "我的卡 stuck", "card"]
    return [*make_tickets(50, 5)[0], *more]


@pytest.fixture(scope="module")
def fit(make_tickets):
    def fit(n_classes=3, **changes):
        texts, labels = make_tickets(90)
        kept = [row for row, label in enumerate(labels) if n_classes == 3 or label != "card"]
        settings = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "projection": 0}
        settings |= {"epochs": 2, "batch_size": 16, "word2vec_passes": 2, "random_state": 1}
        return TextClassifier(**{**settings, **changes}).fit(
            [texts[row] for row in kept], [labels[row] for row in kept]
        )

    return fit


@pytest.fixture(scope="module")
def pair(fit):
    return make_light(fit(validation_fraction=0.4))


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_the_probabilities_are_those_of_torch(fit, texts, changes):
    light, model = make_light(fit(**changes))
    tokens = [light.tokens(text) for text in texts]
    found, expected = light.read_tokens(tokens), model.read_tokens(tokens)
    for name in ("lstm", "blend"):
        one, other = (np.exp(getattr(each.parts, name)) for each in (found, expected))
        assert one.dtype == np.float64
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_allclose(one.sum(axis=1), 1.0)
    assert (found.parts.ngrams is None) == (expected.parts.ngrams is None)


def test_two_classes_that_are_numbers(fit, texts):
    classifier = fit(n_classes=2)
    classifier.classes_ = np.array([7, -3])
    light, model = make_light(classifier)
    assert light.labels == ("7", "-3")
    expected = np.exp(model.read_tokens([light.tokens(text) for text in texts]).parts.blend)
    np.testing.assert_allclose(light.predict_proba(texts), expected, atol=1e-5)
    assert light.predict(texts).dtype.kind == "i"
    assert light.predict(texts).tolist() == classifier.classes_[expected.argmax(axis=1)].tolist()


def test_chinese():
    labels = ["card", "balance", "card", "balance", "card", "balance"]
    settings = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "epochs": 2}
    light, model = make_light(
        TextClassifier(**settings, language="zh").fit(CHINESE * 8, labels * 8)
    )
    texts = [*CHINESE, "吞了我的卡", "鷹"]
    expected = np.exp(model.read_tokens([light.tokens(text) for text in texts]).parts.blend)
    np.testing.assert_allclose(light.predict_proba(texts), expected, atol=1e-5)


def test_a_text_says_the_same_alone_and_among_others(pair, texts):
    light, _ = pair
    together = light.read(texts)
    for row, text in enumerate(texts):
        alone = light.read([text])
        for name in ("lstm", "ngrams", "blend"):
            one, other = (np.exp(getattr(each.parts, name)) for each in (alone, together))
            np.testing.assert_allclose(one[0], other[row], rtol=0, atol=1e-6)
        assert alone.in_scope[0] == pytest.approx(together.in_scope[row], abs=1e-5)
        np.testing.assert_allclose(alone.points[0], together.points[row], atol=1e-5)


def test_padding_in_front_makes_no_difference(fit, texts):
    """In a batch some of it is read with the texts, alone all of it in front of them."""
    light, _ = make_light(fit(recipe="classic"))
    assert light.network.fronted
    together = light.predict_proba(texts)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(light.predict_proba([text])[0], together[row], atol=1e-6)
    every = [light.predict_proba(texts[:n])[0] for n in range(1, 9)]
    np.testing.assert_allclose(every, every[:1] * 8, atol=1e-6)


def test_parts_and_batches_make_no_difference(pair, texts, monkeypatch):
    light, _ = pair
    expected = light.predict_proba(texts)
    for name, number in {"TEXTS_AT_A_TIME": 7, "TEXTS_PER_BATCH": 3, "TOKENS_PER_BATCH": 9}.items():
        monkeypatch.setattr(predictor_module, f"_{name}", number)
        np.testing.assert_allclose(light.predict_proba(texts), expected, rtol=0, atol=1e-6)


def test_batches_hold_texts_of_about_one_length(pair):
    lengths = np.array([5, 1, 500, 0, 2, 2, 500, 9])
    config = replace(pair[0].network.config, max_length=400)
    batches = predictor_module._batches(lengths, config)
    assert sorted(row for batch in batches for row in batch) == list(range(8))
    assert np.concatenate(batches).tolist() == [3, 1, 4, 5, 0, 7, 2, 6]
    assert max(map(len, batches)) <= predictor_module._TEXTS_PER_BATCH
    long = predictor_module._batches(np.full(100, 500), config)
    assert max(map(len, long)) * 400 <= predictor_module._TOKENS_PER_BATCH
    endless = predictor_module._batches(np.full(2, 10**6), replace(config, max_length=10**6))
    assert [batch.tolist() for batch in endless] == [[0], [1]]


def test_padding_costs_less_than_another_batch(pair):
    lengths = np.random.default_rng(0).integers(1, 60, 2000)
    config = replace(pair[0].network.config, max_length=400)
    batches = predictor_module._batches(lengths, config)
    assert len(batches) < 2000 / 8
    for batch in batches:
        widest = lengths[batch].max()
        n_padding = (widest - lengths[batch]).sum()
        assert n_padding <= predictor_module._BATCH_COST + predictor_module._STEP_COST * widest


def test_no_texts(pair):
    light, model = pair
    reading = light.read([])
    assert reading.parts.blend.shape == reading.parts.ngrams.shape == (0, 3)
    assert reading.in_scope.shape == (0,)
    assert reading.points.shape == model.read_tokens([]).points.shape
    assert light.predict([]).shape == light.predict([], abstain=True).shape == (0,)


def test_answers_that_are_not_given(pair, texts):
    light, _ = pair
    assert None not in light.predict(texts)
    highest = light.predict_proba(texts).max(axis=1)
    limit = float(np.median(highest))
    strict = replace(light, decision=Decision(abstain_below=limit))
    found = [label is not None for label in strict.predict(texts, abstain=True)]
    assert found == (highest >= limit).tolist()
    assert strict.predict(texts).tolist() == light.predict(texts).tolist()
    some = replace(light, decision=Decision(outside_below=0.5))
    given = some.read(texts).in_scope >= 0.5
    assert [label is not None for label in some.predict(texts, abstain=True)] == given.tolist()


@pytest.mark.parametrize("texts", ["one text", ["one", 2], None])
def test_what_is_no_list_of_texts_is_refused(pair, texts):
    with pytest.raises(DataError, match="string"):
        pair[0].read(texts)


def test_only_what_is_asked_for_is_computed(pair):
    light, _ = pair
    asked = []

    class Spy:
        def run(self, names, feed):
            asked.append((names, {name: array.dtype.name for name, array in feed.items()}))
            return light.network.session.run(names, feed)

    network = replace(light.network, session=Spy())
    replace(light, network=network, index=None).predict_proba(["my card"])
    replace(light, network=network).predict_proba(["my card"])
    feed = {"vectors": "float32", "lengths": "int32"}
    assert asked == [(["logits"], feed), (["logits", "pooled"], feed)]


def test_what_was_read_before_changes_no_bit(fit, texts):
    """A token's vector is the same, bit for bit, whichever tokens it was composed with."""
    light, _ = make_light(fit(projection=6))
    alone = np.concatenate([replace(light).predict_proba([text]) for text in texts])
    light.predict_proba([" ".join(texts[:7])])
    light.predict_proba(["a word that was never seen", *texts[3:5]])
    later = np.concatenate([light.predict_proba([text]) for text in texts])
    np.testing.assert_array_equal(later, alone)
