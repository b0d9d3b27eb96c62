"""The routes: what is asked and what comes back."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise
from gatewise.store.archive import load

TEXTS = ["my card is stuck", "what is my balance", "!!", "", "sende money abroad 我的"]


@pytest.fixture(scope="module")
def classifier(tickets):
    return load(tickets)


def predicted(client, texts, **more):
    answer = client.post("/v1/predict", json={"texts": texts, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_predict_says_what_the_classifier_says(client, classifier):
    found = predicted(client, TEXTS)
    reading = classifier.read(TEXTS)
    probabilities = np.exp(reading.parts.blend)
    for row, one in enumerate(found):
        if one["reason"]:
            continue
        label = classifier.classes_[probabilities[row].argmax()]
        assert one["label"] == label
        assert one["probability"] == pytest.approx(probabilities[row].max(), abs=1e-6)
        assert one["in_scope"] == pytest.approx(reading.in_scope[row], abs=1e-6)
        assert one["decision"] == (label if reading.answers[row] else "abstain")
    assert [one["reason"] for one in found] == [None, None, None, "no text", None]
    assert found[3]["decision"] == "abstain"
    assert found[3]["label"] is None


def test_predict_names_more_labels_and_records(client, classifier):
    (one,) = predicted(client, ["my card is stuck"], top=3, nearest=2)
    assert sorted(ranked["label"] for ranked in one["top"]) == sorted(classifier.classes_)
    shares = [ranked["probability"] for ranked in one["top"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0)
    wanted = gatewise.nearest_records(classifier, ["my card is stuck"], k=2)[0]
    assert [record["row"] for record in one["nearest"]] == [record.row for record in wanted]


def test_replay(client, classifier):
    answer = client.post("/v1/replay", json={"text": "my card is stuck"})
    assert answer.status_code == 200
    found = answer.json()
    assert [token["surface"] for token in found["tokens"]] == ["my", "card", "is", "stuck"]
    assert found["label"] == classifier.predict(["my card is stuck"])[0]
