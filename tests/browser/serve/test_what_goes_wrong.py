"""What goes wrong: refusals, a server that is busy or gone, the token."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from selenium.webdriver.common.keys import Keys

from gatewise.serve.refusals import RefusedError
from gatewise.serve.settings import Limits

TOKEN = "a-token-that-is-long-enough"
AUDIT = ["line", "given", "suggested", "corrected", "text"]


def test_a_text_that_is_too_long(reader, folders, tmp_path, start_site):
    limits = Limits(characters=20, body_bytes=1024)
    with start_site(folders, tmp_path / "state", limits=limits) as site:
        reader.open(site)
        reader.ask("my card is stuck in the machine")  # 422
        reader.wait("!document.getElementById('try-problem').hidden")
        assert "cannot use that" in reader.text("try-problem")
        assert "31 characters; at most 20 are allowed" in reader.text("try-problem")
        reader.run(
            "const e = document.getElementById('try-text'); e.value = 'card '.repeat(400);"
            "e.dispatchEvent(new Event('input'))"
        )
        reader.wait(
            "document.getElementById('try-problem').textContent.includes('at a time')"
        )  # 413
        assert "longer than 1,024 bytes" in reader.text("try-problem")
        reader.ask("my card")
        reader.answer()
        assert reader.run("return document.getElementById('try-problem').hidden")


@pytest.fixture
def faults(folders, tmp_path, start_site):
    """A server that refuses the next requests with a status, then gives one answer."""
    router, state = APIRouter(), {"status": 0, "left": 0}

    @router.post("/v1/predict")
    async def predict():
        if state["left"] > 0:
            state["left"] -= 1
            if state["status"] == 500:
                raise ValueError("my card")
            raise RefusedError(state["status"], "this is only a test", Retry_After="0")
        one = {"label": "card", "probability": 0.9, "in_scope": None, "decision": "card"}
        one |= {"reason": None, "top": [{"label": "card", "probability": 0.9}], "nearest": []}
        return {"model": "tickets", "checksum": "", "predictions": [one]}

    with start_site(folders, tmp_path / "state", [router]) as site:
        site.faults = state
        yield site


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(reader, faults, status):
    faults.faults.update(status=status, left=2)
    reader.open(faults)
    reader.ask("my card")
    assert reader.answer().startswith("card")
    assert faults.faults["left"] == 0
    assert reader.run("return document.getElementById('try-problem').hidden")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (429, "too busy"),
        (503, "is stopping"),
        (500, "its log has more under the number"),
        (403, "cannot use that"),
    ],
)
def test_a_server_that_goes_on_refusing_is_told(reader, faults, status, told):
    faults.faults.update(status=status, left=1000)
    reader.open(faults)
    reader.ask("my card")
    reader.wait("!document.getElementById('try-problem').hidden")
    assert told in reader.text("try-problem")
    faults.faults["left"] = 0
    reader.run("document.querySelector('#try-problem button').click()")
    assert reader.answer().startswith("card")


def test_a_server_that_is_gone_and_comes_back(reader, folders, table, tmp_path, start_site):
    with start_site({"tickets": folders["tickets"]}, tmp_path / "state") as site:
        reader.open(site)
        assert reader.run("return document.getElementById('model-choice-box').hidden")
        reader.ask("my card is stuck")
        reader.answer()
        site.stop()
        reader.ask("what is my balance")
        reader.wait("!document.getElementById('try-problem').hidden")
        assert "cannot be reached" in reader.text("try-problem")
        assert reader.find("try-text").get_attribute("value") == "what is my balance"
        site.start()
        reader.run("document.querySelector('#try-problem button').click()")
        reader.answer()

        # In the middle of a file
        reader.run("location.hash = '#file'")
        reader.label_file(table(4000))
        reader.wait("document.getElementById('file-told')?.textContent.match(/: [1-9]/)")
        site.stop()
        reader.wait("!document.getElementById('file-problem').hidden")
        assert "cannot be reached" in reader.text("file-problem")
        site.start()
        reader.find("file-continue").click()
        reader.labelled()
        assert "Rows answered: 4,000," in reader.text("file-summary")
        found = reader.rows(reader.download(reader.find("file-download").click))
        assert [row["number"] for row in found] == [str(number) for number in range(4000)]

        # In the middle of a review
        reader.find("file-review").click()
        reader.wait("document.getElementById('desk-text')")
        site.stop()
        reader.type("a")
        reader.wait("!document.getElementById('correct-problem').hidden")
        reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 1 ')")
        assert reader.text("desk-decided") == "Not decided yet"
        site.start()
        reader.run("document.querySelector('#correct-problem button').click()")
        reader.wait("document.getElementById('correct-problem').hidden")
        reader.driver.refresh()
        reader.wait("document.getElementById('desk-done')?.textContent.startsWith('1 of ')")


def test_corrections_that_cannot_be_kept(reader, folders, tmp_path, start_site, write_csv):
    (tmp_path / "file").touch()
    audit = write_csv("audit.csv", AUDIT, [[2, "card", "balance", "", "my card"]])
    with start_site(folders, tmp_path / "file" / "state") as site:
        reader.open(site, "correct")
        reader.give("correct-input", audit)
        reader.wait("!document.getElementById('correct-problem').hidden")
        told = reader.text("correct-problem")
        assert "The server cannot do that now." in told
        assert "corrections cannot be kept in" in told
        asked = [url for url in reader.browser.requests() if url.endswith("/v1/reviews")]
        assert len(asked) == 2  # for the list, and to keep: at once again would not help


def test_the_token_is_asked_for_once(reader, folders, tmp_path, start_site):
    with start_site(folders, tmp_path / "state", token=TOKEN) as site:
        reader.driver.get("about:blank")
        reader.driver.get(site.address)
        reader.wait("document.getElementById('token-dialog').open")
        assert reader.focused() == "token-input"
        reader.type(Keys.ESCAPE)  # without it nothing works
        reader.wait("document.getElementById('token-dialog').open")
        reader.wait("document.activeElement.id === 'token-input'")
        reader.type("wrong one", Keys.ENTER)
        reader.wait("!document.getElementById('token-problem').hidden")
        reader.type(TOKEN, Keys.ENTER)
        reader.wait("document.documentElement.dataset.ready")
        assert not reader.run("return document.getElementById('token-dialog').open")
        assert reader.run("return Object.values(sessionStorage)") == [TOKEN]
        reader.ask("my card is stuck")
        reader.look()
        reader.driver.refresh()
        reader.wait("document.documentElement.dataset.ready")
        assert not reader.run("return document.getElementById('token-dialog').open")
        reader.run("location.hash = '#model'")
        saved = reader.download(
            lambda: reader.run("document.getElementById('model-report').click()")
        )
        assert "Model report" in saved.read_text("utf-8")
