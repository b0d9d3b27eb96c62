import numpy as np
import pytest
from scipy import stats

from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.scope import (
    EVIDENCE,
    MOST_REFERENCES,
    fit_scope,
    more_evidence,
    score_evidence,
)


def draw(n, *, shift=0.0, seed=0, kinds=tuple(EVIDENCE)):
    """Evidence of n texts, whose kinds hang together."""
    generator = np.random.default_rng(seed)
    common = generator.normal(size=n)
    return {kind: common + generator.normal(size=n) - shift for kind in kinds}


def share_as_strange(known, value):
    """Of the known ones, the value itself counted; straight between two of them."""
    known = sorted(known)
    n_below = sum(one <= value for one in known)
    if n_below in (0, len(known)):
        return (n_below + 1) / (len(known) + 1)
    low, high = known[n_below - 1], known[n_below]
    return (n_below + (value - low) / (high - low) + 1) / (len(known) + 1)


def test_the_score_is_that_of_the_definition():
    known, asked = draw(60), draw(9, seed=1, shift=0.5)
    known = {kind: values.astype(np.float32).astype(float) for kind, values in known.items()}
    weights = dict.fromkeys(("probability", "lead", "nearness", "belonging"), 1.0)
    weights["familiarity"] = 0.5

    def total(evidence, row):
        return sum(
            weight * np.log(share_as_strange(known[kind], evidence[kind][row]))
            for kind, weight in weights.items()
        )

    totals = [total(known, row) for row in range(60)]
    expected = [share_as_strange(totals, total(asked, row)) for row in range(9)]
    assert fit_scope(known).score(asked) == pytest.approx(expected)


def test_one_kind_alone_gives_the_share_that_is_as_strange():
    known = {"probability": np.log(np.random.default_rng(0).random(500))}
    asked = {"probability": np.log(np.array([0.1, 0.5, 0.9]))}
    expected = [
        stats.percentileofscore(known["probability"], one) / 100 for one in asked["probability"]
    ]
    assert fit_scope(known).score(asked) == pytest.approx(expected, abs=2 / 500)


def test_the_score_of_texts_of_the_same_kind_is_uniform():
    scope = fit_scope(draw(900))
    scores = scope.score(draw(4000, seed=5))
    assert stats.kstest(scores, "uniform").statistic < 0.06


def test_stranger_texts_have_lower_scores_and_all_are_told_apart():
    scope = fit_scope(draw(900))
    assert scope.score(draw(500, seed=3, shift=2)).mean() < 0.2
    steps = {kind: -np.arange(1.0, 7.0) for kind in EVIDENCE}
    scores = scope.score(steps)
    assert (np.diff(scores[:4]) < 0).all()
    assert (scores > 0).all()
    assert scores.max() < 0.5


def test_below_all_that_was_seen_the_score_falls_on():
    """Of no known text are both kinds as low; the lowest sum is that of the fourth one."""
    known = {
        "probability": np.arange(10.0),
        "lead": np.arange(10.0)[[7, 8, 9, 0, 1, 2, 3, 4, 5, 6]],
    }
    scope = fit_scope(known)
    strange = {"probability": np.array([3.0, 0.0, -1.0]), "lead": np.array([0.0, 0.0, -1.0])}
    at_the_end, below, further = scope.score(strange)
    assert 0 < further < below < 1 / 11 < at_the_end


def test_a_text_of_which_nothing_is_known_has_none():
    scope = fit_scope(draw(50))
    asked = {kind: np.array([9.0, 9.0]) for kind in EVIDENCE}
    asked["familiarity"] = np.array([0.0, 1.0])
    nothing, something = scope.score(asked)
    assert nothing == 0.0
    assert something > 0.3


def test_of_many_records_quantiles_are_kept():
    evidence = draw(5000)
    scope = fit_scope(evidence)
    assert len(scope.sums) == MOST_REFERENCES
    for kind, values in scope.references.items():
        probabilities = np.linspace(0, 1, MOST_REFERENCES)
        expected = np.quantile(evidence[kind], probabilities, method="nearest")
        assert values == pytest.approx(expected, rel=1e-6)


def test_evidence_of_scores():
    log_probabilities = np.log([[0.2, 0.8], [0.6, 0.4]])
    margins = np.array([[-1.0, 0.5], [-0.3, -0.7]])
    found = score_evidence(log_probabilities, margins)
    assert np.exp(found["probability"]).tolist() == pytest.approx([0.8, 0.6])
    assert found["lead"].tolist() == pytest.approx([1.5, 0.4])
    assert set(score_evidence(log_probabilities, None)) == {"probability"}


@pytest.mark.parametrize("n_classes", [2, 5, 11, 12, 40])
def test_the_lead_is_before_the_mean_of_the_next_ten(n_classes):
    margins = np.random.default_rng(n_classes).normal(size=(20, n_classes))
    found = score_evidence(np.zeros((20, n_classes)), margins)["lead"]
    for row, lead in zip(margins, found, strict=True):
        first, *others = sorted(row, reverse=True)
        assert lead == pytest.approx(first - np.mean(others[:10]))
    shuffled = margins[:, np.random.default_rng(0).permutation(n_classes)]
    assert np.array_equal(score_evidence(shuffled, shuffled)["lead"], found)


def test_evidence_of_words_and_records():
    ngrams = NgramModel(
        ("w:card", "w:card lost", "w:lost"),
        np.ones(3, np.float32),
        np.ones((3, 2), np.float32),
        np.zeros(2, np.float32),
    )
    points = np.eye(3, dtype=np.float32)
    index = RecordIndex(np.zeros(3), np.eye(3), points, np.arange(3), np.zeros(3, int))
    texts = [["card", "lost"], ["card", "stolen"], []]
    found = more_evidence(texts, points, ngrams, index)
    assert found["familiarity"].tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    assert found["nearness"].tolist() == pytest.approx([1 / 3] * 3)
    assert more_evidence(texts, None, None, index) == {}
    assert more_evidence(texts, points, None, None) == {}
