"""All views: the model, Chinese, the dark, a phone, the keyboard, and what axe finds."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60


@pytest.mark.parametrize("width", [390, 1280])
def test_the_model_tells_what_it_is(reader, site, width):
    reader.open(site, "model", width=width)
    told = reader.text("model-facts")
    for part in ("tickets", "3 labels", "balance", "gatewise", "never", "Seed"):
        assert part in told
    link = reader.find("model-report")
    assert link.get_attribute("href") == f"{site.address}v1/models/tickets/report"
    reader.choose("model-choice", "many")
    assert "150 labels" in reader.text("model-facts")
    assert "held-out records" in reader.text("model-facts")
    assert "has no report" in reader.text("model-facts")
    reader.find("label-find").send_keys("kind 14")
    reader.wait("document.querySelectorAll('.tags li').length === 11")
    reader.check(site)


def test_a_model_that_is_replaced_is_noticed(reader, start_site, folders, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(folders["tickets"], folder)
    with start_site({"model": folder}, tmp_path / "state") as site:
        reader.open(site)
        reader.ask("own7 shared2x1")
        reader.answer()
        before = reader.run("return document.querySelectorAll('#try-answer .bars li').length")
        shutil.copytree(folders["many"], tmp_path / "next")
        shutil.rmtree(folder)
        (tmp_path / "next").rename(folder)  # whole, as `gatewise train` puts it there
        told = (
            "fetch('/v1/models').then((e) => e.json()).then((e) => done(e.models[0].labels.length))"
        )
        count = f"const done = arguments[0]; {told}"
        WebDriverWait(reader.driver, SECONDS).until(
            lambda driver: driver.execute_async_script(count) == 150
        )
        reader.find("try-text").send_keys(" own7")
        reader.wait(f"document.querySelectorAll('#try-answer .bars li').length > {before}")
        reader.run("location.hash = '#model'")
        assert "150 labels" in reader.text("model-facts")


def test_the_report_opens(reader, site):
    reader.open(site, "model")
    window = reader.driver.current_window_handle
    reader.find("model-report").click()
    WebDriverWait(reader.driver, SECONDS).until(lambda driver: len(driver.window_handles) == 2)
    (other,) = set(reader.driver.window_handles) - {window}
    reader.driver.switch_to.window(other)
    try:
        reader.wait("document.title === 'Model report'")
    finally:
        reader.driver.close()
        reader.driver.switch_to.window(window)


@pytest.mark.usefixtures("chinese")
def test_in_chinese(reader, site, table):
    reader.open(site)
    assert reader.run("return document.documentElement.lang") == "zh-Hans"
    assert reader.text("h-try") == "模型会怎么回答？"
    reader.ask("my card is stuck")
    reader.look()
    assert "每个词的贡献" in reader.text("try-working")
    reader.run("location.hash = '#file'")
    reader.label_file(table(20))
    reader.labelled()
    assert "已回答 20 行" in reader.text("file-summary")
    reader.run("location.hash = '#model'")
    reader.wait("document.getElementById('model-facts').textContent.includes('个标签')")
    reader.choose("language-choice", "en")
    reader.wait("document.getElementById('model-facts').textContent.includes('3 labels')")
    assert reader.run("return document.documentElement.lang") == "en"
    assert "Rows answered: " in reader.text("file-summary")
    reader.driver.refresh()  # the choice is remembered
    reader.wait("document.documentElement.dataset.ready")
    assert reader.text("h-model") == "The model"
    reader.check(site)


def visit_all(reader, site, table, then, width=1280):
    """Go to every state of every view, and do something there."""
    reader.open(site, width=width)
    then("try, empty")
    reader.ask("my card is stuck")
    reader.look()
    then("try")
    reader.run("location.hash = '#file'")
    reader.give("file-input", table(30))
    reader.wait("document.getElementById('file-start')")
    then("file, plan")
    reader.find("file-start").click()
    reader.labelled()
    then("file")
    reader.find("file-review").click()
    reader.wait("document.getElementById('desk-text')")
    reader.find("label-input").send_keys("a")
    then("desk")
    reader.run("location.hash = '#correct'")
    reader.wait("document.querySelector('.cards')")
    then("correct")
    reader.run("location.hash = '#model'")
    reader.wait("document.querySelector('.facts')")
    then("model")


@pytest.mark.usefixtures("dark")
def test_in_the_dark(reader, site, table):
    def check(view):
        for name, dark_one in (("backgroundColor", True), ("color", False)):
            colour = reader.run(f"return getComputedStyle(document.body).{name}")
            light = sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 765
            assert (light < 0.2) if dark_one else (light > 0.8), view

    visit_all(reader, site, table, check)
    reader.check(site)


def test_printed_it_is_dark_on_white_and_has_its_bars(reader, site):
    reader.open(site)
    reader.ask("my card is stuck")
    reader.look()
    with reader.browser.printing():
        assert reader.run("return getComputedStyle(document.body).color") == "rgb(27, 27, 27)"
        for part in (".bar i", ".word"):
            style = f"getComputedStyle(document.querySelector('{part}'))"
            assert reader.run(f"return {style}.printColorAdjust") == "exact"
    reader.check(site)


def test_nothing_is_wider_than_a_phone(reader, site, table):
    def check(view):
        assert reader.run("return document.documentElement.scrollWidth") <= 390, view

    visit_all(reader, site, table, check, width=390)
    reader.check(site)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(reader, site, table, request, scheme):
    if scheme == "dark":
        request.getfixturevalue("dark")
    found = importlib.util.find_spec("axe_core_python")
    if found is None:
        pytest.skip("axe-core-python is not installed")
    script = (Path(found.origin).parent / "axe.min.js").read_text("utf-8")
    barriers = []

    def check(view):
        time.sleep(0.3)  # until bars have grown, and colours stay
        reader.run(script)
        told = reader.driver.execute_async_script(
            "const done = arguments[0];"
            "const told = ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`;"
            "axe.run(document).then(({ violations }) => done(violations.map(told)))"
        )
        barriers.extend(f"{view}: {one}" for one in told)

    visit_all(reader, site, table, check)
    assert barriers == []


def test_by_keyboard_alone(reader, site, write_csv):
    reader.open(site)

    def tab_to(name, most=40, key=Keys.TAB):
        for _ in range(most):
            if reader.focused() == name:
                outline = reader.run("return getComputedStyle(document.activeElement).outlineWidth")
                assert outline == "3px", name
                return
            reader.type(key)
        raise AssertionError(f"{name} is not reached by the tab key")

    tab_to("skip")
    reader.type(Keys.ENTER)
    assert reader.focused() == "main"
    tab_to("try-text")
    reader.type("the machine kept my card")
    reader.look()
    tab_to("credit-label")
    tab_to("gate-step")
    reader.type(Keys.ARROW_RIGHT)
    assert "2 of 5" in reader.run("return document.querySelector('.slide output').textContent")
    tab_to("nav-file", key=Keys.SHIFT + Keys.TAB)
    reader.type(Keys.ENTER)
    reader.wait("!document.getElementById('view-file').hidden")
    assert reader.focused() == "h-file"
    tab_to("file-input")
    reader.give("file-input", write_csv("a.csv", ["text"], [["my card"], ["stuck"]]))
    reader.wait("document.activeElement.id === 'file-start'")
    reader.type(Keys.ENTER)
    reader.labelled()
    tab_to("file-review")
    reader.type(Keys.ENTER)
    reader.wait("document.getElementById('desk-text')")
    tab_to("accept")
    reader.type(Keys.ENTER)
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 2 ')")
    tab_to("label-input")
    reader.type("car", Keys.ARROW_DOWN, Keys.ENTER)
    reader.wait("document.getElementById('desk-done').textContent.startsWith('All records')")
    tab_to("nav-model", key=Keys.SHIFT + Keys.TAB)
    reader.type(Keys.ENTER)
    tab_to("model-report")
    reader.check(site)
