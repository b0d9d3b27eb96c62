from __future__ import annotations

import re

import pytest

from gatewise.classify.classifier import TextClassifier
from gatewise.explain.page import replay_page
from gatewise.explain.replay import replay

TEXTS = {
    "five": "my card was swallowed today",
    "five hundred": "my card was swallowed by the machine and i am angry " * 50,
    "empty": "",
    "script": "<script>document.title = 'broken'</script> </script><img src=x onerror=alert(1)>",
    "right to left": "שלום card لماذا my",
    "one long word": "z" * 3000 + " card",
}

LONG = "<b>R&amp;D</b> that is longer than most \U0001f4b3\U0001f4b3\U0001f4b3"


@pytest.fixture(scope="module")
def pages(make_tickets, tmp_path_factory):
    """A page per text, of a network with two layers, and the replays."""
    texts, labels = make_tickets(60)
    labels = [LONG if label == "card" else label for label in labels]
    classifier = TextClassifier(
        units=6,
        layers=2,
        word_dimension=8,
        ngram_dimension=4,
        projection=0,
        epochs=1,
        word2vec_passes=1,
        batch_size=16,
        max_length=500,
    ).fit(texts, labels)
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, text in TEXTS.items():
        path = folder / f"{name}.html"
        replayed = replay(classifier, text)
        path.write_text(replay_page(replayed), "utf-8")
        found[name] = path, replayed
    return found


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("name", TEXTS)
def test_a_page_draws_without_complaint_or_request(browser, pages, name, width):
    path, replayed = pages[name]
    browser.open(path, width=width)
    assert browser.complaints() == []
    assert browser.requests() == [path.resolve().as_uri()]
    assert browser.run("return document.title").startswith("How the LSTM read it")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelectorAll('#tokens .token').length") == len(
        replayed.tokens
    )
    n_charts = browser.run("return document.querySelectorAll('.js-plotly-plot').length")
    assert n_charts == (3 if replayed.reading.lengths else 2)


def test_the_choices_work(browser, pages):
    path, replayed = pages["five"]
    browser.open(path)

    def choose(element, value):
        browser.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('change')); e.dispatchEvent(new Event('input'));",
            element,
            value,
        )

    def heat(what):
        return browser.run(f"return document.getElementById('heat').data[0].{what}")

    choose("order-choice", "number")
    choose("array-choice", "f")
    choose("layer-choice", "1")
    gate = replayed.layers[0].backward.f
    assert heat("z[2]") == pytest.approx(gate[:, 2].tolist(), abs=1e-6)
    assert heat("zmin") == 0
    choose("array-choice", "c")
    cells = replayed.layers[0].backward.c
    assert heat("z[5]") == pytest.approx(cells[:, 5].tolist(), abs=1e-6)
    assert heat("zmin") == pytest.approx(-abs(cells).max(), abs=1e-6)

    other = replayed.most_likely()[1]
    choose("class-choice", "1")
    shown = browser.run(
        "return [...document.querySelectorAll('#tokens small')].map((e) => e.textContent)"
    )
    assert shown == [f"{credit:+.2f}" for credit in replayed.credits.steps[:, other]]

    choose("unit-choice", "0")
    choose("step-choice", "2")
    formula = browser.run("return document.getElementById('formula').textContent")
    line = next(line for line in formula.splitlines() if line.startswith("c = "))
    numbers = re.findall(r"-?\d+\.\d+", line.replace("− ", "-").replace("−", "-"))
    f, before, i, g, c = map(float, numbers)
    assert f * before + i * g == pytest.approx(c, abs=2e-3)
    assert browser.complaints() == []


def test_words_from_right_to_left_stand_so_and_their_numbers_do_not(browser, pages):
    browser.open(pages["right to left"][0])
    lefts = browser.run(
        "return [...document.querySelectorAll('.token')].map((e) => e.getBoundingClientRect().left)"
    )
    assert lefts == sorted(lefts, reverse=True)
    directions = browser.run(
        "return [...document.querySelectorAll('.token small')].map("
        "(e) => getComputedStyle(e).direction)"
    )
    assert set(directions) == {"ltr"}


def test_it_is_readable_without_scripts(browser, pages):
    path, replayed = pages["five"]
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(path)
        text = browser.driver.find_element("tag name", "body").text
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert replayed.sentence() in text
    assert f"{replayed.credits.steps[1, replayed.decision]:+.2f}" in text
    assert "swallowed" in text
    assert "With JavaScript, three pictures stand here" in text
    assert "As it reads" not in text  # nor an empty frame for it


def test_labels_are_no_markup_for_the_charts(browser, pages):
    path, replayed = pages["five"]
    browser.open(path)
    names = browser.wait_for(  # charts are drawn a moment after the page is there
        "const names = [...document.querySelectorAll('#reading .legendtext')];"
        "return names.length ? names.map((e) => e.textContent) : null"
    )
    assert names == [replayed.labels[number][:40] for number in replayed.most_likely()]


def test_paper_is_white_and_nothing_on_it_is_cut_off(browser, pages):
    path, _ = pages["five hundred"]
    with browser.printing():
        browser.open(path, width=718)
        browser.wait_for(
            "dispatchEvent(new Event('beforeprint')); return document.querySelector('details').open"
        )
        assert browser.cut_off(718) == []
        background = "getComputedStyle(document.querySelector('blockquote')).backgroundColor"
        assert browser.run(f"return {background}") == "rgb(246, 248, 250)"
        grid = "return document.getElementById('reading').layout.xaxis.gridcolor"
        assert browser.run(grid) == "#d1d9e0"
