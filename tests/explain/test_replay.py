from __future__ import annotations

import copy

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.model import FittedModel
from gatewise.explain.replay import replay

TEXT = "My card was swallowed by the Machines, zzqq. 我的卡 abroad"
ODD = [
    "",
    "   \n\t ",
    "…—«»",
    "zzqqx wwvvy",
    "<script>alert(1)</script>",
    "🙂🙂 card 👩‍👩‍👧",
    "שלום card لماذا",
    "card " * 300,
    "\x00card\x1b[31m my\ud800",
    "ﬁne CARD’s Ⅻ",
]


def test_the_logits_are_the_networks_own(classifier, case):
    found = replay(classifier(case), TEXT)
    assert found.difference <= 1e-5
    own = classifier(case).model_.logits([[token.text for token in read(found)]])[0]
    np.testing.assert_allclose(found.logits, own, atol=1e-5)


def read(found):
    everything = [*found.tokens, *found.unread]
    return sorted(
        (token for token in everything if token.kind != "padding"), key=lambda token: token.start
    )


def test_the_logits_are_those_of_float64(classifier, case):
    wide = copy.copy(classifier(case))
    network = copy.deepcopy(wide.model_.network).double()
    narrow = wide.model_
    wide.model_ = FittedModel(**{**vars(narrow), "network": network})
    assert replay(wide, TEXT).difference <= 1e-10


def test_a_model_without_torch_gives_the_same(classifier, plain, case):
    found, again = replay(classifier(case), TEXT), replay(plain(case), TEXT)
    assert again.difference is None
    assert np.array_equal(found.logits, again.logits)
    assert np.array_equal(found.credits.scores, again.credits.scores)
    assert np.array_equal(found.probabilities, again.probabilities)


def test_tokens_stand_where_they_stood(classifier):
    found = replay(classifier("modern"), TEXT)
    for token in [*found.tokens, *found.unread]:
        assert TEXT[token.start : token.end] == token.surface
    kinds = {token.surface: token.kind for token in [*found.tokens, *found.unread]}
    assert kinds["My"] == "known"
    assert kinds["Machines"] == "spelt"
    assert kinds["zzqq"] == "unknown"
    assert len(found.tokens) == 9
    in_order = sorted([*found.tokens, *found.unread], key=lambda token: token.start)
    assert found.tokens == [*in_order[:5], *in_order[-4:]]
    assert found.unread == in_order[5:-4]
    assert f"reads 9 tokens of it, and not the {len(found.unread)} behind its first 5" in str(
        found.remarks()
    )


def test_padding_is_a_step_of_its_own(classifier):
    found = replay(classifier("classic"), "my card")
    assert [token.kind for token in found.tokens] == ["padding"] * 7 + ["known"] * 2
    assert len(found.layers[0].forward.i) == 9
    assert found.credits.steps[:7].any()
    found = replay(classifier("classic"), TEXT)
    assert found.tokens[-1].surface == "abroad"
    assert found.unread[0].surface == "My"
    assert f"and not the {len(found.unread)} before them" in str(found.remarks())
    assert (found.token_at(1), found.token_at(2)) == ("My", "card")


@pytest.mark.parametrize("text", ODD)
def test_any_text_can_be_replayed(classifier, case, text):
    found = replay(classifier(case), text)
    assert found.difference <= 1e-5
    assert found.probabilities.sum() == pytest.approx(1.0)
    assert str(found)
    assert found.to_dict()["text"] == text


@pytest.mark.parametrize("text", [None, 5, b"card", ["card"]])
def test_what_is_no_text_is_refused(classifier, text):
    with pytest.raises(ConfigError, match=f"the text is {type(text).__name__}"):
        replay(classifier("modern"), text)


@pytest.mark.parametrize("model", [TextClassifier(), 5, None])
def test_what_is_no_fitted_model_is_refused(model):
    with pytest.raises(ConfigError, match=r"call fit first$"):
        replay(model, "card")


def test_twenty_thousand_tokens(classifier):
    found = replay(classifier("modern"), "my card was swallowed " * 5000)
    assert (len(found.tokens), len(found.unread)) == (9, 19_991)
    assert found.reading.lengths[-1] == 1000
    assert len(found.without) == 2
    assert "19,991" in str(found)
