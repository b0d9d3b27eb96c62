"""A file: read in the browser, answered by the server, looked through and downloaded."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from gatewise.store.predictor_archive import load_predictor


def test_a_file_is_labelled_looked_through_and_downloaded(reader, site, table):
    path = table(30)
    reader.open(site, "file")
    reader.label_file(path)
    reader.labelled()
    assert "Rows answered: 30," in reader.text("file-summary")
    assert "Rows without a usable text: 1" in reader.text("file-summary")
    assert "known labels agree" in reader.text("file-summary")
    rows = "document.querySelectorAll('#rows-table tbody tr').length"
    assert reader.run(f"return {rows}") == 30
    reader.find("rows-find").send_keys("card")
    reader.wait(f"{rows} < 30")
    reader.find("rows-find").send_keys(Keys.CONTROL + "a", Keys.BACKSPACE)
    reader.wait(f"{rows} === 30")
    reader.choose("rows-decision", "unusable")
    reader.wait(f"{rows} === 1")
    reader.choose("rows-decision", "")
    heads = "[...document.querySelectorAll('#rows-table th')]"
    head = f"{heads}.find((e) => e.textContent === 'probability')"
    for direction in ("ascending", "descending"):
        reader.run(f"{head}.querySelector('button').click()")
        assert reader.run(f"return {head}.getAttribute('aria-sort')") == direction
    place = reader.run(f"return {head}.cellIndex")
    shares = reader.run(
        "return [...document.querySelectorAll('#rows-table tbody tr')].map((e) => "
        f"parseFloat(e.cells[{place}].textContent) || 0)"
    )
    assert shares == sorted(shares, reverse=True)
    reader.check(site)

    saved = reader.download(reader.find("file-download").click)
    assert saved.name == "tickets.labelled.csv"
    given, found = reader.rows(path), reader.rows(saved)
    assert list(found[0]) == [
        *given[0],
        "predicted",
        "probability",
        "in_scope",
        "decision",
        "reason",
    ]
    assert [{name: row[name] for name in given[0]} for row in found] == given
    assert found[3]["reason"] == "line 5: no text"
    assert found[3]["decision"] == "abstain"
    predictor = load_predictor(site.folders["tickets"])
    reading = predictor.read([row["message"] for row in given if row["message"]])
    told = [float(row["probability"]) for row in found if row["message"]]
    assert told == pytest.approx(np.exp(reading.parts.blend).max(axis=1).tolist(), abs=1e-5)


@pytest.mark.slow
def test_a_file_of_20_000_rows(reader, site, table):
    path = table(20_000)
    reader.open(site, "file", width=390)
    reader.label_file(path)
    reader.wait("document.getElementById('file-told')")
    reader.wait("document.activeElement.id === 'file-download'", 300)
    assert "Rows answered: 20,000," in reader.text("file-summary")
    assert reader.run("return document.querySelectorAll('#rows-table tbody tr').length") == 1000
    assert "the download has all 20,000" in reader.text("file-result")
    saved = reader.download(reader.find("file-download").click)
    found = reader.rows(saved)
    assert [row["number"] for row in found] == [str(number) for number in range(20_000)]
    assert sum(not row["predicted"] for row in found) == 1
    reader.check(site)


def test_other_kinds_of_files(reader, site, tmp_path, write_csv):
    reader.open(site, "file")
    texts = ["my card is stuck", 'a "quote"\nand a line', "余额是多少"]
    tsv = write_csv("a.tsv", ["text", "predicted"], [[t, "x"] for t in texts], delimiter="\t")
    reader.label_file(tsv)
    reader.labelled()
    found = reader.rows(reader.download(reader.find("file-download").click), delimiter="\t")
    assert [row["text"] for row in found] == texts
    assert [row["input_predicted"] for row in found] == ["x"] * 3

    lines = tmp_path / "b.jsonl"
    values = [*({"id": 1, "text": text} for text in texts), {"id": 2, "text": 7}, {"id": 3}]
    lines.write_text("\n\n".join(map(json.dumps, values)) + "\n[1]\n", "utf-8")
    reader.label_file(lines, text="1")
    reader.labelled()
    saved = reader.download(reader.find("file-download").click)
    rows = [json.loads(line) for line in saved.read_text("utf-8").splitlines()]
    assert [row.get("text") for row in rows] == [*texts, 7, None, None]
    assert [row["predicted"] is None for row in rows] == [False] * 3 + [True] * 3
    assert rows[3]["reason"] == "line 7: not a text"
    assert rows[5]["reason"] == "line 10: not a JSON object"

    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress("text;x\r\n我的卡;1\r\n".encode("gb18030")))
    reader.give("file-input", packed)
    reader.wait("document.getElementById('file-start')")
    assert reader.run("return document.getElementById('file-delimiter').value") == ";"
    reader.choose("file-encoding", "gb18030")
    reader.wait("document.getElementById('file-plan').textContent.includes('我的卡')")
    reader.find("file-start").click()
    reader.labelled()
    assert "Rows answered: 1," in reader.text("file-summary")
    reader.check(site)


def test_a_json_line_keeps_what_it_says(reader, site, tmp_path):
    lines = [
        '{"text":"my card", "id":12345678901234567890,"e":1e400, "in":{"a":1,"a":[]}}',
        '{"2":"x","1":"a \\"{,}[\\u0041" ,"text":"my card","probability":0.50}',
        '{"text":"my card","text":"stuck"}',
        "{ }",
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\r\n".join(lines))
    reader.open(site, "file")
    reader.label_file(path, given="1")
    assert "12345678901234567890" in reader.text("file-preview")
    reader.labelled()
    assert "12345678901234567890" in reader.text("rows-table")
    saved = reader.download(reader.find("file-download").click)
    found = saved.read_text("utf-8").splitlines()
    assert found[0].startswith(lines[0][:-1] + ',"predicted":')
    assert found[1].startswith(lines[1][:-1].replace('"prob', '"input_prob') + ',"predicted":')
    assert found[2].startswith(lines[2][:-1] + ',"predicted":null,')
    assert found[3].startswith('{ "predicted":null,')
    rows = [json.loads(line) for line in found]
    twice = "broken JSON: a key stands twice"
    reasons = [f"line 1: {twice}", None, f"line 3: {twice}", "line 4: no text"]
    assert [row["reason"] for row in rows] == reasons
    assert rows[1]["input_probability"] == 0.5
    assert rows[1]["decision"] in ("card", "balance", "transfer", "abstain")


def test_rows_that_do_not_fit_are_told(reader, site, tmp_path):
    path = tmp_path / "a.csv"
    text = 'text,id\r\nmy card,1\r\nstuck,2,,\r\nlost,3,4,5\r\n"my\r\n"card",4\r\n'
    path.write_bytes((text + 'again,5\r\n"lo" st,6\r\nleft,7').encode())
    reader.open(site, "file")
    reader.label_file(path)
    reader.labelled()
    rows = reader.rows(reader.download(reader.find("file-download").click))
    assert [(row["text"], row["id"]) for row in rows] == [
        ("my card", "1"),
        ("stuck", "2"),
        ("lost", "3"),
        ("", ""),
        ("card", "4"),
        ("again", "5"),
        ("", ""),
        ("left", "7"),
    ]
    assert [row["reason"] for row in rows if row["reason"]] == [
        "line 4: more cells than columns: 4, not 2",
        "line 5: text after a closing quote: line 6",
        "line 8: text after a closing quote: line 8",
    ]
    assert [bool(row["predicted"]) for row in rows] == [not row["reason"] for row in rows]
    assert "Rows without a usable text: 3" in reader.text("file-summary")


LATE = b"text,id\n" + b"my card,1\n" * 30_000 + "gr\xfc\xdfe,2\n".encode("cp1252")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b'text,id\nkana,1\n"lo,2\nmi,3\nza,4\n', "quote that opens on line 3 is never"),
        ("b.csv", b'text,"id\nkana,1\n', "quote that opens on line 1 is never"),
        ("c.csv", LATE, "bytes that are not UTF-8; choose another encoding"),
        ("d.csv.gz", gzip.compress(LATE[:300_000]) * 2, "several were joined into one; unpack it"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end(reader, site, tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    reader.open(site, "file")
    reader.give("file-input", path)
    failed = "!document.getElementById('file-problem').hidden"
    reader.wait(f"document.getElementById('file-start') || {failed}")
    if not reader.run(f"return {failed}"):
        reader.find("file-start").click()
    reader.wait(failed)
    assert told in reader.text("file-problem")
    assert not re.search(r"Rows answered: [\d,]+, in", reader.text("file-result") or "")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b" \r\n\r\n", "is empty"),
        ("a.csv", b"text,label\r\n", "no rows under it"),
        ("a.csv", b"PK\x03\x04\0\0\0\0", "does not look like text"),
        ("a.jsonl", b"[1, 2]\n3\n", "Line 1 is not a JSON object"),
        ("a.csv.gz", b"text\nnot gzip at all\n", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used(reader, site, tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    reader.open(site, "file")
    reader.give("file-input", path)
    reader.wait("!document.getElementById('file-problem').hidden")
    assert told in reader.text("file-problem")
    assert reader.run("return document.getElementById('file-plan').hidden")


def test_a_column_without_texts(reader, site, write_csv):
    path = write_csv("a.csv", ["text", "nothing"], [["my card", ""], ["stuck", ""]])
    reader.open(site, "file")
    reader.label_file(path, text="1")
    reader.labelled()
    assert "Not one row has a text in the column “nothing”" in reader.text("file-problem")


def test_a_quote_that_is_never_closed(reader, site, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text\nfine\n"' + "my card is stuck\n" * 130_000)
    reader.open(site, "file")
    reader.label_file(path)
    reader.wait("!document.getElementById('file-problem').hidden")
    assert "begins at line 3" in reader.text("file-problem")


def test_a_file_is_dropped(reader, site):
    reader.open(site, "file")
    reader.run(
        "const dataTransfer = new DataTransfer();"
        "dataTransfer.items.add(new File(['text\\nmy card\\n'], 'dropped.csv'));"
        "const drop = new DragEvent('drop', { dataTransfer });"
        "document.getElementById('file-drop').dispatchEvent(drop)"
    )
    reader.wait("document.getElementById('file-start')")
    assert "dropped.csv" in reader.text("file-plan")


def test_it_is_stopped_and_goes_on(reader, site, table):
    reader.open(site, "file")
    reader.label_file(table(6000))
    reader.wait("document.getElementById('file-told')?.textContent.match(/: [1-9]/)")
    reader.find("file-stop").click()
    reader.wait("document.getElementById('file-paused')")
    assert "answered and kept" in reader.text("file-paused")
    assert reader.focused() == "file-continue"
    share = reader.run("return document.getElementById('file-bar').value")
    rows = int(re.search(r"[\d,]+(?=\.$)", reader.text("file-paused"))[0].replace(",", ""))
    assert share < rows / 6000 + 0.5  # it has read a little ahead, and not all
    reader.choose("language-choice", "zh")
    reader.wait("document.getElementById('file-paused').textContent.includes('停止')")
    reader.choose("language-choice", "en")
    reader.wait("document.getElementById('file-paused').textContent.includes('Stopped')")
    reader.find("file-continue").click()
    reader.labelled()
    assert "Rows answered: 6,000," in reader.text("file-summary")
    found = reader.rows(reader.download(reader.find("file-download").click))
    assert [row["number"] for row in found] == [str(number) for number in range(6000)]
    reader.give("file-input", table(1, "one.csv").with_name("tickets.csv"))
    reader.wait("document.getElementById('file-status').textContent === ''")
