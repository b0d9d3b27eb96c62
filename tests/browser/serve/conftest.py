"""Servers with a page, and a reader who uses it in Chromium."""

from __future__ import annotations

import contextlib
import csv
import random
import threading
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from gatewise.classify.classifier import TextClassifier
from gatewise.serve.corrections import CorrectionStore
from gatewise.serve.page import page_routes
from gatewise.serve.server import make_server
from gatewise.serve.settings import ServerSettings
from gatewise.store.archive import save
from gatewise.store.predictor_archive import load_predictor

FIT = {
    "units": 6,
    "layers": 2,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "word2vec_passes": 1,
    "batch_size": 16,
    "device": "cpu",
}
EVIL = "<img src=x onerror=alert(1)></script><b>bold</b>"
HEBREW = "הכרטיס שלי נבלע"
SECONDS = 60  # on a machine that does other work as well


def many_classes():
    generator = random.Random(3)
    texts, labels = [], []
    for number in range(150):
        own = [f"own{number}", *(f"shared{number // 3}x{place}" for place in range(4))]
        for _ in range(6):
            texts.append(" ".join(generator.choices(own, k=generator.randrange(2, 9))))
            labels.append(f"a request of kind {number} that has a long name")
    return texts, labels


@pytest.fixture(scope="session")
def folders(make_tickets, tmp_path_factory):
    """Models with three, two and 150 classes; the first has a report and keeps its texts."""
    folder = tmp_path_factory.mktemp("models")
    three = make_tickets(120)
    hebrew = [(HEBREW, "card")] * 3
    texts = [*three[0], *(text for text, _ in hebrew)]
    labels = [*three[1], *(label for _, label in hebrew)]
    two = make_tickets(60)
    sets = {
        "tickets": (texts, labels),
        "two": (two[0], ["כרטיס" if label == "card" else EVIL for label in two[1]]),
        "many": many_classes(),
    }
    for name, (some, theirs) in sets.items():
        classifier = TextClassifier(**FIT, keep_texts=name == "tickets")
        save(classifier.fit(some, theirs), folder / name)
    report = "<!doctype html><title>Model report</title><p>all is well"
    (folder / "tickets" / "report.html").write_text(report)
    return {name: folder / name for name in sets}


class Site:
    """A server that can be stopped and started again at the same address."""

    EVIL, HEBREW = EVIL, HEBREW

    def __init__(self, folders, state, more=(), port=0, **settings):
        self.folders, self.state, self.more = folders, state, more
        self.settings = {"drain_seconds": 0.0, **settings}
        self.port = port
        self.start()

    def start(self):
        settings = ServerSettings(port=self.port, **self.settings)
        routes = [*self.more, page_routes(CorrectionStore(self.state))]
        self.server = make_server(self.folders, load_predictor, settings, routes)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the server has not started"
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"

    def stop(self):
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def a_site(*arguments, **options):
    site = Site(*arguments, **options)
    try:
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def site(folders, tmp_path_factory):
    """A server of all models, that all tests share."""
    with a_site(folders, tmp_path_factory.mktemp("state")) as one:
        yield one


@pytest.fixture(scope="session")
def start_site():
    """Start a server of one's own."""
    return a_site


class Reader:
    """What a person does with the page."""

    def __init__(self, browser, downloads):
        self.browser, self.driver, self.downloads = browser, browser.driver, downloads
        self.run = browser.run

    def open(self, site, view="try", width=1280):
        self.browser.complaints()
        self.browser.requests()
        self.resize(width)
        self.driver.get("about:blank")
        self.driver.get(f"{site.address}#{view}")
        self.wait("document.documentElement.dataset.ready")

    def resize(self, width):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def wait(self, script, seconds=SECONDS):
        told = f"not within {seconds} s: {script}"
        return WebDriverWait(self.driver, seconds, 0.05).until(
            lambda _: self.run(f"return {script}"), told
        )

    def find(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0])?.textContent", name)

    def choose(self, name, value):
        self.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('change', { bubbles: true }));",
            name,
            value,
        )

    def type(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self):
        return self.run(
            "const e = document.activeElement; return e.id || e.dataset.act || e.tagName"
        )

    def ask(self, text):
        box = self.find("try-text")
        box.clear()
        box.send_keys(text)

    def answer(self):
        self.wait("document.querySelector('#try-answer:not([aria-busy]) .said')")
        return self.run("return document.querySelector('.said').textContent")

    def look(self):
        self.wait("document.querySelector('.credits') && !document.querySelector('.old')")

    def give(self, name, path):
        self.find(name).send_keys(str(path))

    def label_file(self, path, **choices):
        self.give("file-input", path)
        self.wait("document.getElementById('file-start')")
        for name, value in choices.items():
            self.choose(f"file-{name}", value)
        self.find("file-start").click()

    def labelled(self):
        self.wait("document.activeElement.id === 'file-download'")

    def download(self, click):
        for path in self.downloads.iterdir():
            path.unlink()
        click()
        ended = time.monotonic() + SECONDS
        while time.monotonic() < ended:
            found = [one for one in self.downloads.iterdir() if one.suffix != ".crdownload"]
            if found and found[0].stat().st_size:
                return found[0]
            time.sleep(0.05)
        raise AssertionError("nothing was downloaded")

    def rows(self, path, **options):
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, **options))

    def review(self, site, path):
        self.open(site, "file")
        self.label_file(path)
        self.labelled()
        self.find("file-review").click()
        self.wait("document.getElementById('desk-text')")

    def place(self):
        return self.text("desk-place").split(" · ")[0]

    def check(self, site):
        """Nothing was complained of, nothing asked for elsewhere, nothing is too wide."""
        assert self.browser.complaints() == []
        asked = [url for url in self.browser.requests() if not url.startswith("about:")]
        assert all(url.startswith(site.address) for url in asked)
        width = self.run("return innerWidth")
        assert self.run("return document.documentElement.scrollWidth") <= width


@pytest.fixture
def reader(browser, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
    browser.driver.execute_cdp_cmd("Page.setDownloadBehavior", behaviour)
    one = Reader(browser, downloads)
    yield one
    with contextlib.suppress(Exception):
        one.run("localStorage.clear(); sessionStorage.clear()")
    one.driver.get("about:blank")
    one.browser.complaints()


@pytest.fixture
def dark(browser):
    def choose(scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    choose("dark")
    yield
    choose("light")


@pytest.fixture
def chinese(browser):
    agent = browser.run("return navigator.userAgent")

    def choose(language):
        override = {"userAgent": agent, "acceptLanguage": language}
        browser.driver.execute_cdp_cmd("Emulation.setUserAgentOverride", override)

    choose("zh-CN,zh")
    yield
    choose("en-US,en")


@pytest.fixture
def write_csv(tmp_path):
    """Write a table."""

    def write(name, columns, rows, **options):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, **options)
            writer.writerow(columns)
            writer.writerows(rows)
        return tmp_path / name

    return write


@pytest.fixture
def table(make_tickets, write_csv):
    """A file of n rows: number, text, label; every tenth label is wrong, some have no text."""

    def make(n_rows, name="tickets.csv"):
        texts, labels = make_tickets(n_rows, seed=5)
        others = {"balance": "card", "card": "transfer", "transfer": "balance"}
        rows = [
            [number, "" if number == 3 else text, others[label] if number % 10 == 0 else label]
            for number, (text, label) in enumerate(zip(texts, labels, strict=True))
        ]
        return write_csv(name, ["number", "message", "label"], rows)

    return make
