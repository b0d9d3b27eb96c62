"""Corrections are kept: whole, in order, through crashes, and by several writers at once."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.serve import corrections
from gatewise.serve.corrections import (
    REMOVE,
    CorrectionStore,
    ReviewNotFoundError,
    ReviewRecord,
    StoreError,
    default_state_folder,
)

RECORDS = [
    ReviewRecord("where is my card", 2, "balance", "card", 0.9, 0.5, "read without its label"),
    ReviewRecord("卡在哪里\nשלום", 5, "card", "card", 0.4),
    ReviewRecord("no line", None, None, "transfer", 0.3),
]


@pytest.fixture
def store(tmp_path):
    return CorrectionStore(tmp_path / "state" / "gatewise")


def test_where_nothing_can_be_kept_is_known_before(tmp_path):
    assert CorrectionStore(tmp_path / "new" / "deeper").is_writable
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    assert not CorrectionStore(tmp_path / "file").is_writable
    assert not CorrectionStore(tmp_path / ("x" * 300)).is_writable


def test_where_nothing_can_be_kept_is_logged(tmp_path, caplog):
    CorrectionStore(tmp_path).warn()
    assert caplog.messages == []
    (tmp_path / "file").write_text("")
    CorrectionStore(tmp_path / "file").warn()
    (told,) = caplog.messages
    assert told == f"corrections cannot be kept in {tmp_path / 'file'}; name a folder with --state"


def test_nothing_is_written_until_there_is_something(store):
    assert store.reviews() == []
    assert not store.path.exists()


def test_a_review_is_as_it_was_begun(store):
    review = store.begin("tickets.csv", "tickets", RECORDS)
    assert review == store.review(review["id"]) == store.reviews()[0]
    assert {
        name: review[name] for name in ("source", "model", "n_records", "n_decided", "n_lines")
    } == {
        "source": "tickets.csv",
        "model": "tickets",
        "n_records": 3,
        "n_decided": 0,
        "n_lines": 2,
    }
    found = store.records(review["id"], 0, 10)
    assert [
        ReviewRecord(**{k: v for k, v in row.items() if k != "position"}) for row in found
    ] == RECORDS
    assert [row["position"] for row in store.records(review["id"], 1, 1)] == [1]


def test_a_request_that_comes_twice_adds_once(store):
    number = store.begin("a", "m", RECORDS[:1])["id"]
    store.correct(number, 0, "card")
    for _ in range(2):
        assert store.add(number, 0, RECORDS)["n_records"] == 3
    assert store.records(number, 0, 1)[0]["corrected"] == "card"


def test_decisions_are_kept_and_taken_back(store):
    number = store.begin("a", "m", RECORDS)["id"]
    assert store.correct(number, 0, "card")["n_decided"] == 1
    assert store.correct(number, 1, REMOVE)["n_decided"] == 2
    again = CorrectionStore(store.path.parent)
    assert [row["corrected"] for row in again.records(number, 0, 9)] == ["card", REMOVE, None]
    assert again.correct(number, 1, None)["n_decided"] == 1


def test_what_is_exported(store):
    number = store.begin("a", "m", RECORDS)["id"]
    store.correct(number, 0, "card")
    store.correct(number, 1, "card")
    store.correct(number, 2, REMOVE)
    assert store.training_rows(number) == [("where is my card", "card"), (RECORDS[1].text, "card")]
    # The second label was right; the third has no line.
    assert store.audit_rows(number) == [
        (2, "balance", "card", "card", "where is my card"),
        (5, "card", "card", "", RECORDS[1].text),
    ]


def test_without_lines_nothing_can_be_applied(store):
    number = store.begin("a", "m", RECORDS[2:])["id"]
    with pytest.raises(DataError, match="no line numbers"):
        store.audit_rows(number)


def test_a_deleted_review_leaves_no_text(store):
    number = store.begin("a", "m", [ReviewRecord("a secret that nobody should find")])["id"]
    store.delete(number)
    assert store.reviews() == []
    assert b"a secret that nobody" not in store.path.read_bytes()
    assert store.begin("b", "m", [])["id"] > number  # an old address never shows another review


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.review(7),
        lambda store: store.add(7, 0, RECORDS),
        lambda store: store.records(7, 0, 1),
        lambda store: store.correct(7, 0, "card"),
        lambda store: store.training_rows(7),
        lambda store: store.audit_rows(7),
        lambda store: store.delete(7),
    ],
)
def test_what_is_not_there(store, ask):
    store.begin("a", "m", RECORDS)
    with pytest.raises(ReviewNotFoundError, match="7"):
        ask(store)


def test_a_record_that_is_not_there(store):
    number = store.begin("a", "m", RECORDS)["id"]
    with pytest.raises(ReviewNotFoundError, match="no record 3"):
        store.correct(number, 3, "card")


def test_there_is_a_most_of_everything(store, monkeypatch):
    monkeypatch.setattr(corrections, "MOST_RECORDS", 2)
    monkeypatch.setattr(corrections, "_MOST_REVIEWS", 1)
    with pytest.raises(DataError, match="at most 2 records"):
        store.begin("a", "m", RECORDS)
    assert store.reviews() == []  # nor is half of it there
    number = store.begin("a", "m", RECORDS[:2])["id"]
    with pytest.raises(DataError, match="at most 2 records"):
        store.add(number, 2, RECORDS[2:])
    with pytest.raises(DataError, match="delete one"):
        store.begin("b", "m", [])


def test_half_a_surrogate_pair_is_kept_as_a_question_mark(store):
    number = store.begin("a\ud800", "m", [ReviewRecord("b\udfff")])["id"]
    assert store.review(number)["source"] == "a?"
    assert store.records(number, 0, 1)[0]["text"] == "b?"
    store.correct(number, 0, "c\ud800")
    assert store.training_rows(number) == [("b?", "c?")]


def test_several_writers_at_once(store):
    number = store.begin("a", "m", [ReviewRecord(str(place)) for place in range(40)])["id"]
    other = CorrectionStore(store.path.parent)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda place: (store, other)[place % 2].correct(number, place, "x"), range(40))
        )
    assert store.review(number)["n_decided"] == 40


def write_until_killed(folder, pipe):
    store = CorrectionStore(folder)
    number = store.begin("a", "m", [ReviewRecord(str(place)) for place in range(10_000)])["id"]
    for place in range(10_000):
        store.correct(number, place, "x")
        pipe.send((number, place))


@pytest.mark.skipif(os.name != "posix", reason="there is no such signal")
def test_a_killed_server_keeps_what_it_has_confirmed(store):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=write_until_killed, args=(store.path.parent, theirs))
    process.start()
    theirs.close()
    for _ in range(20):
        number, place = ours.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        while True:
            number, place = ours.recv()
    except EOFError:
        ours.close()
    found = store.records(number, 0, 10_000)
    assert len(found) == 10_000
    assert all(row["corrected"] == "x" for row in found[: place + 1])
    assert store.review(number)["n_decided"] in (place + 1, place + 2)
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_file_of_a_later_version_is_left_alone(store):
    store.begin("a", "m", [])
    connection = sqlite3.connect(store.path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    before = store.path.read_bytes()
    with pytest.raises(StoreError, match="version 9, and this gatewise reads version 1"):
        store.reviews()
    assert store.path.read_bytes() == before


def test_a_damaged_file_is_told(store):
    store.path.parent.mkdir(parents=True)
    store.path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"cannot be kept in .*corrections\.sqlite3"):
        store.reviews()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be kept"):
        CorrectionStore(tmp_path / "file").begin("a", "m", [])


@pytest.mark.skipif(os.name != "posix", reason="rights are others there")
def test_only_the_user_may_read_it(store):
    store.begin("a", "m", RECORDS)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("linux", "XDG_STATE_HOME", ("gatewise",)),
        ("win32", "LOCALAPPDATA", ("gatewise",)),
        ("linux", None, (".local", "state", "gatewise")),
        ("win32", None, ("AppData", "Local", "gatewise")),
        ("darwin", None, ("Library", "Application Support", "gatewise")),
    ],
)
def test_the_folder_is_where_the_system_keeps_such_things(
    monkeypatch, tmp_path, platform, variable, end
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert default_state_folder() == tmp_path.joinpath(*end)
    assert CorrectionStore().path.parent == default_state_folder()


def test_the_audit_takes_what_is_exported(store, tmp_path):
    auditing = pytest.importorskip("gatewise.selection.auditing")
    number = store.begin("a", "m", RECORDS)["id"]
    store.correct(number, 0, "card")
    store.correct(number, 1, REMOVE)
    path = tmp_path / "audit.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "given", "suggested", "corrected", "text"))
        writer.writerows(store.audit_rows(number))
    found = auditing.read_corrections(path, ["balance", "card"])
    assert found.labels == {2: "card", 5: REMOVE}
    assert auditing.REMOVE == REMOVE
