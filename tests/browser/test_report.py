"""The report of a model in a browser: on a phone, in the dark, without scripts, large."""

from __future__ import annotations

import random

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from gatewise.classify.classifier import TextClassifier
from gatewise.report.model_page import write_model_page
from gatewise.text.corpus import corpus_from_lists

TINY = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "word2vec_passes": 1,
    "batch_size": 32,
}
LARGEST = 12 << 20  # bytes
MOST_ELEMENTS = 20_000  # of a page: each takes the browser some microseconds
EVIL = "<script>document.title = 'broken'</script></script><img src=x onerror=alert(1)>"


def two_classes(make_tickets):
    texts, labels = make_tickets(240)
    return texts, ["card" if label == "card" else "other" for label in labels]


def many_classes(make_tickets):
    """Draw 150 classes of three that share most of their words, so that they are confused."""
    generator = random.Random(3)
    texts, labels = [], []
    for number in range(150):
        own = [f"own{number}", *(f"shared{number // 3}x{place}" for place in range(4))]
        for _ in range(8):
            texts.append(" ".join(generator.choices(own, k=generator.randrange(2, 9))))
            labels.append(f"a request of kind {number} that has a long name")
    return texts, labels


def other_scripts(make_tickets):
    texts, labels = make_tickets(240)
    names = {"balance": "余额查询", "card": "כרטיס אבוד", "transfer": "x" * 200}
    words = {"balance": "我的余额是多少", "card": "הכרטיס שלי נבלע", "transfer": "y" * 300}
    mixed = [f"{words[label]} {text}" for text, label in zip(texts, labels, strict=True)]
    labels[::5] = reversed(labels[::5])
    return [*mixed, EVIL], [*map(names.get, labels), EVIL]


MAKERS = {"two": two_classes, "many": many_classes, "scripts": other_scripts}


@pytest.fixture(scope="module")
def pages(make_tickets, tmp_path_factory):
    """A page of each kind of data."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, make in MAKERS.items():
        corpus = corpus_from_lists(*make(make_tickets))
        classifier = TextClassifier(**TINY).fit(corpus.texts, corpus.labels)
        found[name] = write_model_page(classifier, folder / f"{name}.html", corpus=corpus)
    return found


def show(browser, path, **options):
    """Open a page and wait until all of it is there, also on a machine that does other work."""
    browser.open(path, **options)
    ready = "return document.readyState"
    WebDriverWait(browser.driver, 60).until(lambda _: browser.run(ready) == "complete")


@pytest.fixture
def dark(browser):
    def choose(scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    choose("dark")
    yield
    choose("light")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", MAKERS)
def test_a_page_draws_without_complaint_or_request(browser, pages, name, width):
    show(browser, pages[name], width=width)
    assert browser.complaints() == []
    assert browser.requests() == [pages[name].resolve().as_uri()]
    assert browser.run("return document.title").startswith("Model report")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelectorAll('h2').length") == 13
    assert browser.run("return document.images.length") == 0
    empty = "return [...document.querySelectorAll('svg')].filter((e) => !e.getBoundingClientRect()"
    assert browser.run(empty + ".width).length") == 0


def test_150_classes_stay_small(browser, pages):
    path = pages["many"]
    assert path.stat().st_size <= LARGEST
    show(browser, path)
    assert browser.run("return document.querySelectorAll('*').length") <= MOST_ELEMENTS
    rows = "return document.querySelector('table.sortable').tBodies[0].rows.length"
    assert browser.run(rows) == 150
    labels = browser.run("return document.querySelectorAll('#matrix text.end').length")
    assert 2 <= labels <= 40


def test_a_table_is_sorted_by_its_heads(browser, pages):
    show(browser, pages["many"])

    def column(number):
        script = "return [...document.querySelector('table.sortable').tBodies[0].rows]"
        return browser.run(f"{script}.map((row) => row.cells[{number}].textContent)")

    def click(number):
        browser.run(f"document.querySelectorAll('table.sortable th button')[{number}].click()")

    before = column(0)
    click(5)
    values = [float(value) for value in column(5)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 1
    click(5)
    assert [float(value) for value in column(5)] == values[::-1]
    sorts = browser.run(
        "return [...document.querySelectorAll('th[aria-sort]')].map((e) => e.ariaSort)"
    )
    assert sorts == ["ascending"]
    click(0)
    assert column(0) != before
    assert sorted(column(0)) == sorted(before)
    assert column(0)[0].startswith("a request of kind 99")
    assert browser.complaints() == []


def test_the_matrix_can_be_made_larger_and_fitted(browser, pages):
    show(browser, pages["many"], width=390)
    width = "return document.getElementById('matrix').getBoundingClientRect().width"
    before = browser.run(width)

    def click(number):
        browser.run(f"document.querySelectorAll('[data-zoom] button')[{number}].click()")

    click(1)
    assert browser.run(width) == pytest.approx(1.4 * before, rel=0.01)
    click(0)
    assert browser.run(width) == pytest.approx(before, rel=0.01)
    click(2)
    box = browser.run("return document.getElementById('matrix').parentElement.clientWidth")
    assert browser.run(width) <= box + 1
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_a_cell_says_what_it_is(browser, pages):
    show(browser, pages["many"])
    told = browser.run(
        "return [...document.querySelectorAll('#matrix .cell title')].map((e) => e.textContent)"
    )
    assert told
    assert all(" → " in one and "%" in one for one in told)


@pytest.mark.usefixtures("dark")
def test_in_the_dark(browser, pages):
    def lightness(element, property_name):
        script = f"return getComputedStyle(document.querySelector('{element}'))"
        colour = browser.run(f"{script}['{property_name}']")
        return sum(float(one) for one in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 765

    show(browser, pages["two"])
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches")
    assert lightness("body", "backgroundColor") < 0.2
    assert lightness("body", "color") > 0.8
    assert lightness("figure", "backgroundColor") < 0.2
    assert lightness("svg.own text", "fill") > 0.5
    drawn = "return getComputedStyle(document.querySelector('figure svg:not(.own)')).filter"
    assert "invert" in browser.run(drawn)


def test_it_is_readable_without_scripts(browser, pages):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, pages["scripts"])
        text = browser.driver.find_element("tag name", "body").text
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    for told in ("of the answers are right", "余额查询", "כרטיס אבוד", "Brier score", EVIL):
        assert told in text


def test_other_scripts_stand_in_their_own_direction(browser, pages):
    show(browser, pages["scripts"])
    direction = browser.run(
        "return [...document.querySelectorAll('table.sortable tbody th')]"
        ".map((e) => [e.textContent, getComputedStyle(e).direction])"
    )
    assert dict(direction)["כרטיס אבוד"] == "rtl"
    assert dict(direction)["余额查询"] == "ltr"


def test_no_table_is_cut_off_on_paper(browser, pages):
    with browser.printing():
        show(browser, pages["many"], width=718)
        assert browser.cut_off(718) == []
