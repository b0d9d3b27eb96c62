from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

from gatewise.base.errors import ConfigError, DataError
from gatewise.classify.companion import CompanionConfig, count_ngrams, fit_ngrams
from gatewise.text.tokens import tokenize

# Margins are of size 1, and the companion's solver is stopped where it errs by a hundredth of that.
CLOSE = 0.02
CHINESE = ["我的余额是多少", "查询账户余额", "余额不对", "我的卡丢了", "卡被吞了", "换卡"]


@pytest.fixture(scope="module")
def tickets(make_tickets):
    """Token lists and targets 0, 1, 2; and other texts to score."""
    texts, labels = make_tickets(90)
    others, _ = make_tickets(30, seed=5)
    targets = np.unique(labels, return_inverse=True)[1]
    return [tokenize(text) for text in texts], targets, [tokenize(text) for text in others]


def is_pair(term):
    return term[0] in "wp" and " " in term


@pytest.fixture(name="direct_scores")
def _direct_scores(plain_terms):
    def direct_scores(
        train,
        targets,
        others,
        *,
        characters=True,
        apart=True,
        max_features=None,
        weights=None,
        cost=1.0,
    ):
        """The same by scikit-learn's own parts, in float64."""

        def analyse(tokens):
            return plain_terms(tokens, characters=characters, apart=apart)

        counter = CountVectorizer(analyzer=analyse).fit(train)
        counts = counter.transform(train).toarray()
        kept = [
            (-counts[:, column].sum(), term)
            for column, term in enumerate(counter.get_feature_names_out())
            if (counts[:, column] > 0).sum() > is_pair(term)
        ]
        terms = sorted(term for _, term in sorted(kept)[:max_features])
        kinds = {p: [term for term in terms if term.startswith(p)] for p in ("c:", ("p:", "w:"))}
        vectorizer = FeatureUnion(
            [
                (
                    "".join(prefix),
                    TfidfVectorizer(analyzer=analyse, vocabulary=kind, sublinear_tf=True),
                )
                for prefix, kind in kinds.items()
                if kind
            ]
        )
        common = {"C": cost, "random_state": 3, "max_iter": 30_000}
        solver = (
            LinearSVC(multi_class="crammer_singer", tol=1e-6, **common)
            if len(set(targets)) > 2
            else LinearSVC(dual=True, tol=1e-6, **common)
        )
        pipeline = make_pipeline(vectorizer, solver)
        pipeline.fit(train, targets, linearsvc__sample_weight=weights)
        return pipeline.decision_function(others)

    return direct_scores


# The n-grams


# The scores


@pytest.mark.parametrize("characters", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_scores_are_those_of_scikit_learn(tickets, characters, apart, direct_scores):
    train, targets, others = tickets
    config = CompanionConfig(long_texts=150 * characters, short_texts=60 * apart)
    model = fit_ngrams(train, targets, config, n_classes=3, seed=3)
    expected = direct_scores(train, targets, others, characters=characters, apart=apart)
    np.testing.assert_allclose(model.scores(others), expected, atol=CLOSE)
    assert model.scores(others).dtype == np.float64


@pytest.mark.parametrize("cost", [0.05, 0.1])
def test_the_cost_is_that_of_errors(tickets, cost, direct_scores):
    train, targets, others = tickets
    model = fit_ngrams(train, targets, CompanionConfig(cost=cost), n_classes=3, seed=3)
    expected = direct_scores(train, targets, others, cost=cost)
    np.testing.assert_allclose(model.scores(others), expected, atol=CLOSE)
    usual = fit_ngrams(train, targets, CompanionConfig(), n_classes=3, seed=3).scores(others)
    assert np.abs(usual - expected).max() > 3 * CLOSE


def test_two_classes_have_a_column_each(tickets, direct_scores):
    train, targets, others = tickets
    targets = (targets > 0).astype(np.int64)
    model = fit_ngrams(train, targets, CompanionConfig(), n_classes=2, seed=3)
    expected = direct_scores(train, targets, others)
    np.testing.assert_allclose(model.scores(others)[:, 1], expected, atol=CLOSE)
    np.testing.assert_allclose(model.scores(others)[:, 0], -expected, atol=CLOSE)


@pytest.mark.parametrize("numbers", [[0, 2, 4], [1, 3, 4], [1, 4, 4]])
def test_classes_that_no_target_names_score_lowest(tickets, numbers, direct_scores):
    train, targets, others = tickets
    targets = np.array(numbers)[targets]
    scores = fit_ngrams(train, targets, CompanionConfig(), n_classes=5, seed=3).scores(others)
    absent = sorted(set(range(5)) - set(numbers))
    present = sorted(set(numbers))
    assert (scores[:, absent] == -2.0).all()
    assert (scores[:, absent].max(axis=1) < scores[:, present].max(axis=1)).all()
    expected = direct_scores(train, targets, others)
    if len(present) == 2:
        expected = np.stack([-expected, expected], axis=1)
    np.testing.assert_allclose(scores[:, present], expected, atol=CLOSE)


def test_weights_are_those_of_scikit_learn(tickets, direct_scores):
    train, targets, others = tickets
    weights = np.random.default_rng(0).uniform(0.1, 2.0, len(train))
    model = fit_ngrams(
        train, targets, CompanionConfig(), n_classes=3, seed=3, sample_weights=weights
    )
    expected = direct_scores(train, targets, others, weights=weights)
    np.testing.assert_allclose(model.scores(others), expected, atol=CLOSE)


def test_a_weight_of_two_is_almost_a_record_twice(tickets):
    """Almost: the frequencies of the n-grams count records."""
    train, targets, others = tickets
    twice = np.flatnonzero(targets == 1)
    weights = np.where(targets == 1, 2.0, 1.0)
    config = CompanionConfig()
    weighted = fit_ngrams(train, targets, config, n_classes=3, seed=3, sample_weights=weights)
    repeated = fit_ngrams(
        [*train, *(train[row] for row in twice)],
        np.concatenate([targets, targets[twice]]),
        config,
        n_classes=3,
        seed=3,
    )
    unweighted = fit_ngrams(train, targets, config, n_classes=3, seed=3).scores(others)
    apart = np.abs(weighted.scores(others) - repeated.scores(others)).mean()
    assert apart < 0.1
    assert np.abs(weighted.scores(others) - unweighted).max() > 1e-3


def test_chinese_is_learnt():
    model = fit_ngrams(
        [tokenize(text) for text in CHINESE],
        np.array([0, 0, 0, 1, 1, 1]),
        CompanionConfig(),
        n_classes=2,
        seed=1,
    )
    scores = model.scores([tokenize("余额查询"), tokenize("我的卡呢")])
    assert scores.argmax(axis=1).tolist() == [0, 1]


def test_a_text_without_tokens_gets_the_intercepts(tickets):
    train, targets, _ = tickets
    model = fit_ngrams([*train, []], np.append(targets, 0), CompanionConfig(), n_classes=3, seed=3)
    scores = model.scores([[], ["zzzzzz"]])
    np.testing.assert_allclose(scores[0], model.intercepts)
    assert np.isfinite(scores).all()


def test_no_text_with_a_token_is_refused():
    with pytest.raises(DataError, match=r"^none of the 2 texts has a word or number in it; check"):
        fit_ngrams([[], []], np.array([0, 1]), CompanionConfig(), n_classes=2, seed=1)


# Choosing and counting


def test_only_the_commonest_are_kept(tickets, direct_scores):
    train, targets, others = tickets
    model = fit_ngrams(train, targets, CompanionConfig(max_features=40), n_classes=3, seed=3)
    assert len(model.terms) == 40 == len(model.idf) == len(model.weights)
    assert list(model.terms) == sorted(model.terms)
    expected = direct_scores(train, targets, others, max_features=40)
    np.testing.assert_allclose(model.scores(others), expected, atol=CLOSE)


def test_pairs_of_a_single_text_are_left_out():
    texts = [["my", "old", "card"], ["card", "is", "my", "old"], ["card"]]
    terms = count_ngrams(texts, CompanionConfig(long_texts=0)).terms
    assert [term for term in terms if is_pair(term)] == ["p:card my", "w:my old"]
    assert {"w:is", "w:card", "w:old"} <= set(terms)


@pytest.mark.parametrize(("short_texts", "apart"), [(4, True), (3, False)])
def test_only_short_texts_have_pairs_apart(short_texts, apart):
    """The mean is exactly 3 tokens here."""
    counted = count_ngrams([list("abc"), list("abc")], CompanionConfig(short_texts=short_texts))
    assert ("p:a c" in counted.terms) is apart


@pytest.mark.parametrize(("long_texts", "characters"), [(6, True), (5, False)])
def test_long_texts_have_no_characters(long_texts, characters):
    """The mean is exactly 5 tokens here."""
    counted = count_ngrams([list("abcd"), list("abcdef")], CompanionConfig(long_texts=long_texts))
    assert any(term.startswith("c:") for term in counted.terms) is characters


def test_counting_once_and_fitting_rows_is_fitting_those_rows(tickets):
    train, targets, others = tickets
    rows = np.arange(0, 90, 2)
    config = CompanionConfig()
    counted = count_ngrams(train, config)
    part = counted.rows(rows).fit(targets[rows], config, n_classes=3, seed=3)
    alone = fit_ngrams([train[row] for row in rows], targets[rows], config, n_classes=3, seed=3)
    whole = fit_ngrams(train, targets, config, n_classes=3, seed=3)
    np.testing.assert_allclose(part.scores(others), alone.scores(others), atol=0.2)
    again = counted.fit(targets, config, n_classes=3, seed=3)
    assert np.array_equal(again.scores(others), whole.scores(others))


def test_the_seed_decides(tickets):
    train, targets, others = tickets
    first, second = (
        fit_ngrams(train, targets, CompanionConfig(), n_classes=3, seed=4).scores(others)
        for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_features", 0),
        ("max_features", 9.5),
        ("short_texts", -1),
        ("long_texts", -1),
        ("cost", 0),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is {value!r}"):
        CompanionConfig(**{name: value})


def test_some_of_the_texts_know_only_their_own_ngrams():
    """As if only they had been counted: a model of them must not feel the others."""
    texts = [["a", "b"], ["c", "d"], ["a", "d"], ["e", "f"]]
    rows = np.array([0, 1, 2])
    targets = np.array([0, 1, 0])
    config = CompanionConfig()
    some = count_ngrams(texts, config).rows(rows).fit(targets, config, n_classes=2, seed=0)
    alone = fit_ngrams([texts[row] for row in rows], targets, config, n_classes=2, seed=0)
    assert some.terms == alone.terms
    np.testing.assert_array_equal(some.scores(texts), alone.scores(texts))
