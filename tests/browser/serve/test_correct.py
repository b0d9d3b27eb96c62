"""Corrections: by keys, kept, exported."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys


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
