from __future__ import annotations

import base64
import html
import json
import re

import numpy as np
import pytest

from gatewise.explain.page import replay_page
from gatewise.explain.page_data import page_data, unit_contributions
from gatewise.explain.replay import replay

TEXT = "my card was swallowed by the machines zzqq"


def without_scripts(page):
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_the_page_tells_everything(classifier, case):
    found = replay(classifier(case), TEXT)
    page = replay_page(found)
    told = html.unescape(without_scripts(page))
    assert found.sentence() in told
    assert f"{found.credits.scores[found.decision]:+.3f}" in told
    assert all(token.surface in told for token in found.tokens)
    assert ("What the n-gram companion adds" in told) is (len(found.credits.terms) > 0)
    assert data_of(page) == json.loads(json.dumps(page_data(found)))


def test_nothing_is_asked_from_elsewhere(classifier):
    page = replay_page(replay(classifier("modern"), TEXT))
    own = without_scripts(page)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?!data:|[\"'\s])", own)
    assert "@import" not in own
    assert "url(" not in own
    assert len(page) < 8_000_000


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", '"><b>my']
)
def test_every_text_is_escaped(classifier, text):
    page = replay_page(replay(classifier("modern"), text))
    assert text not in page
    assert data_of(page)["labels"]
    assert "<img" not in page.replace("<image", "")[: page.index("<script>")]


def test_large_arrays_come_back(classifier):
    found = replay(classifier("modern, two layers"), TEXT)
    data = page_data(found)
    assert [layer["name"] for layer in data["layers"]] == [
        "layer 1, reading forward",
        "layer 1, reading backward",
        "layer 2, reading forward",
        "layer 2, reading backward",
    ]
    packed = data["layers"][3]["arrays"]["c"]
    values = np.frombuffer(base64.b64decode(packed["base64"]), "<f4").reshape(packed["shape"])
    np.testing.assert_allclose(values, found.layers[1].backward.c, rtol=1e-6)


def test_the_contributions_of_the_units_sum_to_those_of_the_steps(classifier, case):
    found = replay(classifier(case), TEXT)
    last = len(found.layers) - 1
    total = sum(unit_contributions(found, last, one).sum() for one in found.layers[-1].directions)
    expected = found.credits.steps[:, found.decision].sum()
    if found.config.pool_vectors:
        states = np.zeros(found.config.pooled_size, dtype=bool)
        width = found.config.state_size + found.config.vector_size
        for start in range(0, len(states), width):
            states[start : start + found.config.state_size] = True
        expected = found.credits.pooled[states, found.decision].sum()
    assert total == pytest.approx(expected, abs=1e-9)


def test_the_units_shown_are_those_that_count_most(classifier):
    found = replay(classifier("modern"), TEXT)
    units = page_data(found)["units"]
    sizes = [abs(unit["contribution"]) for unit in units]
    assert sizes == sorted(sizes, reverse=True)
    for unit in units:
        one = found.layers[-1].backward if unit["backward"] else found.layers[-1].forward
        np.testing.assert_allclose(unit["c"], one.c[:, unit["unit"]], atol=1e-6)
        np.testing.assert_allclose(unit["before"], one.before[:, :, unit["unit"]], atol=1e-6)


@pytest.mark.parametrize("text", ["", "…", "card " * 500, "שלום card", "z" * 9000])
def test_odd_texts_make_a_page(classifier, case, text):
    page = replay_page(replay(classifier(case), text))
    assert page.startswith("<!doctype html>")
    assert ("more characters" in page) is (len(text) > 4000)
