"""One text: what is answered, and what is shown of how it was read."""

from __future__ import annotations

import time

import pytest
from selenium.webdriver.common.keys import Keys

from gatewise.explain.replay import replay
from gatewise.store.plain_archive import load_plain


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("model", ["tickets", "two", "many"])
def test_a_text_is_answered_and_looked_into(reader, site, model, width):
    reader.open(site, width=width)
    reader.choose("model-choice", model)
    text = {"many": "own7 shared2x1 own7", "two": f"my card {site.EVIL}"}.get(
        model, f"my card {site.HEBREW}"
    )
    reader.ask(text)
    assert reader.answer()
    reader.look()
    n_labels = {"tickets": 3, "two": 2, "many": 5}[model]
    assert reader.run("return document.querySelectorAll('#try-answer .bars li').length") == n_labels
    assert reader.run("return document.querySelectorAll('canvas[role=img]').length") == 2
    assert reader.run("return document.querySelectorAll('.near li').length") == 3
    shown = (
        "[...document.querySelector('.credits').childNodes].map((e) => "
        "e.querySelector?.('.surface').textContent ?? e.textContent).join('')"
    )
    assert reader.run(f"return {shown}") == text
    assert reader.run("return document.querySelector('svg.chart polyline') !== null")
    reader.check(site)


def test_the_numbers_are_those_of_the_model(reader, site, folders):
    reader.open(site)
    text = "the MACHINE kept my ｃａｒｄ, it is ſtuck today"  # normalised before they are looked up
    reader.ask(text)
    reader.look()
    replayed = replay(load_plain(folders["tickets"]), text)
    assert replayed.label in reader.answer() or "know" in reader.answer()
    told = reader.run("return document.querySelector('#h-credits').parentElement.textContent")
    score = replayed.credits.scores[replayed.decision]
    assert f"{score:+.2f}".replace("+0.00", "0.00").replace("-0.00", "0.00") in told
    parts = reader.run(
        "return [...document.querySelectorAll('.credits small')].map((e) => e.textContent)"
    )
    total = sum(float(part.replace("−", "-")) for part in parts)
    bias = replayed.credits.bias[replayed.decision]
    assert total == pytest.approx(score - bias, abs=0.005 * len(parts) + 1e-6)
    rows = reader.run(
        "return [...document.querySelectorAll('.means td')].map((e) => e.textContent)"
    )
    gates = replayed.layers[-1]
    assert rows[2:4] == [f"{gates.forward.f[0].mean():.2f}", f"{gates.backward.f[0].mean():.2f}"]


@pytest.mark.parametrize("width", [390, 1280])
def test_wide_words_stay_inside_the_chart(reader, site, width):
    reader.open(site, width=width)
    reader.ask(f"{'W' * 30} {'ＷＷＷＷＷＷＷＷＷＷ '} card {'m' * 9} {'W' * 10}")
    reader.look()
    outside = (
        "const chart = document.querySelector('svg.chart'), box = chart.getBoundingClientRect();"
        "return [...chart.querySelectorAll('text')].filter((e) => { const r ="
        " e.getBoundingClientRect(); return r.left < box.left - 1 || r.bottom > box.bottom + 1; })"
        ".map((e) => e.textContent)"
    )
    assert reader.run(outside) == []
    reader.check(site)


def test_a_strange_text_is_not_answered(reader, site):
    reader.open(site)
    reader.choose("model-choice", "many")
    reader.ask("zzz qqq xxx")
    assert reader.answer() == "I don't know"
    assert "unlike the texts I was trained on" in reader.text("try-answer")
    assert "In-scope score" in reader.text("try-answer")
    assert "I don't know" in reader.text("try-status")


def test_a_text_without_words_and_no_text_at_all(reader, site):
    reader.open(site)
    reader.ask("   ")
    time.sleep(0.6)
    assert reader.run("return document.getElementById('try-answer').hidden")
    reader.ask("...")
    assert reader.answer()
    reader.find("try-clear").click()
    reader.wait("document.getElementById('try-answer').hidden")
    assert reader.focused() == "try-text"
    reader.check(site)


def test_older_requests_are_given_up(reader, site):
    reader.open(site)
    for word in ("card", " stuck", " again", " today"):
        reader.find("try-text").send_keys(word)
        time.sleep(0.45)  # longer than the pause, so that each begins to be answered
    reader.look()
    words = "return [...document.querySelectorAll('.credits .surface')].map((e) => e.textContent)"
    assert reader.run(words) == ["card", "stuck", "again", "today"]
    reader.check(site)


def test_more_labels_are_shown_on_request(reader, site):
    reader.open(site)
    reader.choose("model-choice", "many")
    reader.ask("own7 shared2x1")
    reader.answer()
    count = "document.querySelectorAll('#try-answer .bars li').length"
    for wanted in (20, 150, 5):
        reader.run(
            "document.querySelector('#h-labels').parentElement.querySelector('button').click()"
        )
        reader.wait(f"{count} === {wanted}")
    reader.run("document.querySelector('#h-labels').parentElement.querySelector('button').focus()")
    reader.type(Keys.ENTER)
    reader.wait(f"{count} === 20")
    reader.wait("document.activeElement.textContent === 'Show all 150 labels'")
    reader.check(site)


def test_the_step_moves_through_the_gates(reader, site):
    reader.open(site)
    reader.ask("my card is stuck")
    reader.look()
    before = reader.run("return document.querySelector('.means').textContent")
    reader.find("gate-step").send_keys(Keys.ARROW_RIGHT)
    assert "2 of 4: card" in reader.run(
        "return document.querySelector('.slide output').textContent"
    )
    assert reader.run("return document.querySelector('.means').textContent") != before
    picture = "return document.querySelector('.map canvas').toDataURL()"
    forget = reader.run(picture)
    reader.run("document.querySelector('input[name=gate][value=c]').click()")
    assert reader.run(picture) != forget
    reader.run(
        "const e = document.querySelector('.segments + label select'); e.value = '0';"
        "e.dispatchEvent(new Event('change'))"
    )
    assert "cell state" in reader.text("try-working")
    reader.check(site)


def test_a_long_text_is_looked_into_on_request(reader, site):
    reader.open(site)
    reader.ask("my card is stuck")
    reader.look()
    reader.run(
        "const e = document.getElementById('try-text'); e.value = 'my card is stuck '.repeat(60);"
        "e.dispatchEvent(new Event('input'))"
    )
    reader.wait("document.getElementById('try-look')")
    assert not reader.run("return document.querySelector('.old')")  # it is no old answer
    reader.find("try-look").click()
    reader.wait("document.getElementById('credits-unread')")
    assert "200 of these 240 words" in reader.text("credits-unread")
    chart = "Number(document.querySelector('.chart').getAttribute('width'))"
    assert reader.run(f"return {chart}") > 900
    reader.resize(390)  # a phone that is turned
    reader.wait(f"{chart} < 390")
    reader.check(site)


def test_texts_from_right_to_left(reader, site):
    reader.open(site)
    reader.choose("model-choice", "two")
    reader.ask(site.HEBREW)
    reader.look()
    assert (
        reader.run("return getComputedStyle(document.querySelector('.credits')).direction") == "rtl"
    )
    signs = "return getComputedStyle(document.querySelector('.word small')).direction"
    assert reader.run(signs) == "ltr"  # else -0.18 would read 0.18-
    names = reader.run(
        "return [...document.querySelectorAll('#try-answer .bars .name')]"
        ".map((e) => [e.textContent, getComputedStyle(e).direction])"
    )
    assert dict(names) == {"כרטיס": "rtl", site.EVIL: "ltr"}
    assert reader.run("return document.images.length") == 1  # the mark in the corner
    reader.check(site)
