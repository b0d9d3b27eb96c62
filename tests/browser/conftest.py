"""Debian's Chromium, driven from outside."""

import contextlib
import json
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    """One browser; every page is watched."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, *, width=1200, height=900):
        self.requests()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        address = path.resolve().as_uri()
        self.driver.get(address)
        # On a busy machine the driver may go on while the page before still stands.
        self.wait_for(f"return location.href === {address!r} && document.readyState === 'complete'")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script):
        """Run a script until it finds something, also on a machine that does other work."""
        return WebDriverWait(self.driver, 60).until(lambda _: self.run(script))

    @contextlib.contextmanager
    def printing(self):
        """Let pages look as they are printed by someone whose screen is dark."""
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        options = {"media": "print", "features": dark}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", options)
        try:
            yield
        finally:
            light = [{"name": "prefers-color-scheme", "value": "light"}]
            options = {"media": "", "features": light}
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", options)

    def cut_off(self, width):
        """The tables that do not fit on paper of a width, or into a box that hides their end."""
        return self.run(
            "return [...document.querySelectorAll('table')].filter((e) => {"
            "const end = Math.min(arguments[0], e.parentElement.getBoundingClientRect().right);"
            "return e.getBoundingClientRect().right > end + 1; }).map((e) => e.innerText)",
            width,
        )

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """The addresses asked for since the last call, besides the page and data inside it."""
        entries = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        sent = [
            entry["message"]["params"]["request"]["url"]
            for entry in entries
            if entry["message"]["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromium-driver are not installed")
    options = Options()
    options.binary_location = CHROMIUM
    for argument in QUIET:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield Browser(driver)
    driver.quit()
