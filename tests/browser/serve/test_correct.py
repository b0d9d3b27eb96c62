"""Corrections: by keys, kept, exported."""

from __future__ import annotations

import json
import urllib.request

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

# Requests that match are held until release() is called, or refused with a status.
BETWEEN = """
const real = window.fetch;
window.fetch = async (path, options) => {
  const { match, status } = window.between ?? {};
  if (!match || !`${path} ${options.body ?? ""}`.includes(match)) return real(path, options);
  if (status) return new Response('{"error": "only a test"}', { status });
  await new Promise((done) => { window.release = done; });
  return real(path, options);
};
"""


@pytest.fixture
def audit(write_csv):
    """Write an audit.csv of so many records."""

    def make(n_records, label="card"):
        rows = [[line + 2, label, "balance", "", f"text {line}"] for line in range(n_records)]
        return write_csv("audit.csv", ["line", "given", "suggested", "corrected", "text"], rows)

    return make


def asked(site, path, value=None):
    data = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(
        site.address + path, data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def begins(place):
    return f"document.getElementById('desk-place')?.textContent.startsWith('Record {place} ')"


def test_doubtful_rows_are_corrected_by_keys_and_kept(reader, site, table):
    path = table(30)
    reader.review(site, path)
    assert reader.place() == "Record 1 of 29"
    first = reader.text("desk-text")
    given, suggested = reader.run(
        "return [...document.querySelectorAll('.says .tag')].map((e) => e.textContent)"
    )
    assert given != suggested  # what disagrees comes first
    reader.type("a")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 2 ')")
    reader.type("k")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 3 ')")
    reader.type("x")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 4 ')")
    reader.type("/")
    reader.type("trans")
    reader.wait("!document.getElementById('label-list').hidden")
    assert reader.run("return document.getElementById('label-list').textContent") == "transfer"
    reader.type(Keys.ENTER)
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 5 ')")
    assert "4 of 29" in reader.text("desk-done")
    reader.type("p")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 4 ')")
    assert "transfer" in reader.text("desk-decided")
    reader.type("u")
    reader.wait("document.getElementById('desk-decided').textContent === 'Not decided yet'")
    reader.type("u")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 3 ')")
    assert "2 of 29" in reader.text("desk-done")
    reader.check(site)

    # A reload, and a crash of the server, lose nothing.
    reader.driver.refresh()
    reader.wait("document.getElementById('desk-place')?.textContent.startsWith('Record 3 ')")
    assert "2 of 29" in reader.text("desk-done")
    button = "document.querySelector('#correct-desk [data-form={}]').click()"
    saved = reader.download(lambda: reader.run(button.format("training")))
    rows = reader.rows(saved)
    assert rows[0] == {"text": first, "label": suggested}
    assert len(rows) == 2
    rows = reader.rows(reader.download(lambda: reader.run(button.format("audit"))))
    assert len(rows) == 29
    original = {str(line): row for line, row in enumerate(reader.rows(path), 2)}
    assert all(original[row["line"]]["message"] == row["text"] for row in rows)
    assert [row["corrected"] for row in rows[:3]] == [suggested, "", ""]


def test_an_audit_is_gone_through(reader, site, write_csv):
    columns = ["rank", "line", "given", "suggested", "given_probability", "suggested_probability"]
    columns += ["flagged", "why", "corrected", "text"]
    rows = [
        [
            1,
            8,
            "card",
            "balance",
            0.1,
            0.8,
            "yes",
            "read without its label",
            "",
            "what is left\nof it",
        ],
        [2, 4, "card", "transfer", 0.2, 0.7, "no", "unsure", "balance", site.EVIL],
    ]
    reader.open(site, "correct")
    reader.give("correct-input", write_csv("audit.csv", columns, rows))
    reader.wait("document.getElementById('desk-text')")
    assert reader.text("desk-text") == "what is left\nof it"
    assert "read without its label" in reader.text("correct-desk")
    assert "1 of 2" in reader.text("desk-done")
    reader.type("k")
    reader.wait("document.getElementById('desk-text').textContent.startsWith('<img')")
    assert "All records are decided" in reader.text("desk-done")
    assert "balance" in reader.text("desk-decided")
    saved = reader.download(
        lambda: reader.run("document.querySelector('#correct-desk [data-form=audit]').click()")
    )
    assert saved.name == "audit.audit.csv"
    assert [(row["line"], row["corrected"]) for row in reader.rows(saved)] == [
        ("8", ""),
        ("4", "balance"),
    ]
    reader.check(site)

    reader.driver.get(f"{site.address}#correct")
    reader.wait("document.querySelector('.cards li h3')?.textContent === 'audit.csv'")
    n_before = reader.run("return document.querySelectorAll('.cards li').length")
    reader.run("window.confirm = () => true; document.querySelector('.cards .plain').click()")
    reader.wait(f"document.querySelectorAll('.cards li').length === {n_before - 1}")


def test_another_file_is_no_audit(reader, site, write_csv):
    reader.open(site, "correct")
    reader.give("correct-input", write_csv("a.csv", ["text", "line"], [["a", 1]]))
    reader.wait("!document.getElementById('correct-problem').hidden")
    assert "no columns given, suggested, corrected" in reader.text("correct-problem")
    reader.run("location.hash = '#correct/123456'")
    reader.wait("document.getElementById('correct-problem').textContent.includes('123456')")
    assert reader.run("return location.hash") == "#correct"


def test_the_link_that_skips_keeps_the_address(reader, site, table):
    reader.review(site, table(5))
    address = reader.driver.current_url
    reader.run("document.getElementById('skip').click()")
    reader.wait("document.activeElement.id === 'main'")
    assert reader.driver.current_url == address


def test_shortcuts_can_be_switched_off(reader, site, table):
    reader.review(site, table(20))
    reader.run(
        "document.querySelector('.help').open = true; document.getElementById('desk-keys').click()"
    )
    reader.find("desk-text").send_keys("n")
    assert reader.place().startswith("Record 1 ")
    reader.run("document.getElementById('desk-keys').click()")
    reader.find("desk-text").send_keys("n")
    reader.wait("document.getElementById('desk-place').textContent.startsWith('Record 2 ')")


def test_quick_keys_where_records_are_read_and_a_decision_that_is_not_kept(reader, site, audit):
    reader.open(site, "correct")
    reader.give("correct-input", audit(104))
    reader.wait(begins(1))
    number = reader.run("return location.hash.split('/')[1]")

    def kept(*wanted):
        path = f"v1/reviews/{number}/records?start=99&count=4"
        WebDriverWait(reader.driver, 20, 0.05).until(
            lambda _: [row["corrected"] for row in asked(site, path)["records"]] == [*wanted]
        )

    reader.type("n" * 99)
    reader.wait(begins(100))
    reader.run(BETWEEN + "window.between = { match: 'start=100' }")
    reader.type("aax")
    reader.wait("Boolean(window.release)")
    reader.run("document.querySelector('[data-act=accept]').click()")  # not of what comes
    reader.run("window.between = null; window.release()")
    reader.wait(begins(103))
    kept("balance", "balance", "(remove)", None)

    reader.run("window.between = { match: '\"position\":102', status: 422 }")
    reader.type("a")
    reader.wait("!document.getElementById('correct-problem').hidden")
    assert "Not kept: the decision on record 103. " in reader.text("correct-problem")
    assert "only a test" in reader.text("correct-problem")
    reader.wait(begins(103))
    reader.type("ppk")
    reader.wait(begins(102))
    kept("balance", "card", "(remove)", None)
    assert "record 103" in reader.text("correct-problem")
    assert not reader.run("return document.getElementById('correct-problem').hidden")
    reader.run("window.between = null; document.querySelector('#correct-problem button').click()")
    reader.wait("document.getElementById('correct-problem').hidden")
    kept("balance", "card", "(remove)", "balance")
    reader.run("document.querySelector('#correct-desk a').click()")
    reader.wait("document.querySelector('.cards')")
    reader.check(site)


def test_what_a_review_does_not_take_is_told_and_leaves_nothing(reader, site, audit, write_csv):
    before = len(asked(site, "v1/reviews")["reviews"])
    failed = "!document.getElementById('correct-problem').hidden"
    reader.open(site, "correct")
    reader.give("correct-input", audit(2, "x" * 1001))
    reader.wait(failed)
    assert "The label on line 2 has 1,001 characters" in reader.text("correct-problem")
    reader.run(BETWEEN + "window.between = { match: '\"start\":200', status: 413 }")
    reader.give("correct-input", audit(201))
    reader.wait(f"{failed} && document.getElementById('correct-problem').textContent.match('test')")
    reader.run("window.between = null; location.hash = '#file'")
    rows = [["my card is stuck", "card"], ["my card", "\U0001f4b3" * 1001]]
    reader.label_file(write_csv("a.csv", ["text", "label"], rows))
    reader.labelled()
    reader.find("file-review").click()
    reader.wait("!document.getElementById('file-problem').hidden")
    assert "The label on line 3 has 1,001 characters" in reader.text("file-problem")
    assert len(asked(site, "v1/reviews")["reviews"]) == before

    empty = asked(site, "v1/reviews", {"source": "none.csv", "model": ""})["id"]
    reader.run(f"location.hash = '#correct/{empty}'")
    reader.wait("document.getElementById('desk-empty')")
    assert "no record in this review" in reader.text("desk-empty")
    reader.run("document.querySelector('#correct-desk a').click()")
    reader.wait("document.getElementById('correct-desk').hidden")

    reader.give("correct-input", audit(10_050))
    reader.wait(begins(1))
    assert "the first 10,000 of the 10,050 records" in reader.text("desk-cut")
    reader.check(site)
