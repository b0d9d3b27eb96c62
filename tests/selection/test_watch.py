from __future__ import annotations

import os
import time

import pytest

from gatewise.base.progress import SilentProgress
from gatewise.selection.ledger import Unit, open_ledger
from gatewise.selection.watch import _View, mark_of, watched

UNITS = [Unit({"n": n}, f"unit {n}", "odd" if n % 2 else "even") for n in range(6)]


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "run", {}) as found:
        yield found


def begin(ledger, unit, seconds_ago=0.0):
    mark = mark_of(ledger.folder, unit)
    mark.touch()
    os.utime(mark, (time.time() - seconds_ago,) * 2)


def end(ledger, unit):
    ledger.keep(unit, 1)
    mark_of(ledger.folder, unit).unlink(missing_ok=True)


def test_what_is_being_done_and_for_how_long(ledger):
    view = _View(ledger, UNITS)
    assert (view.look(), view.parts(), view.seconds_left()) == (0, [], None)
    begin(ledger, UNITS[0], 30.0)
    begin(ledger, UNITS[1], 5.0)
    assert view.look() == 0
    first, second = view.parts()
    assert (first.name, second.name) == ("unit 0", "unit 1")
    assert first.seconds == pytest.approx(30.0, abs=1.0)
    assert first.expected is None
    assert view.seconds_left() is None


def test_what_is_left_is_learnt_from_what_was_done(ledger):
    view = _View(ledger, UNITS)
    begin(ledger, UNITS[0], 30.0)
    begin(ledger, UNITS[1], 10.0)
    view.look()
    end(ledger, UNITS[0])
    end(ledger, UNITS[1])
    begin(ledger, UNITS[2], 12.0)
    begin(ledger, UNITS[3], 4.0)
    assert view.look() == 2
    even, odd = view.parts()
    assert even.expected == pytest.approx(30.0, abs=1.0)
    assert odd.expected == pytest.approx(10.0, abs=1.0)
    # 18 and 6 seconds of these two, 30 and 10 of the others, two at a time.
    assert view.seconds_left() == pytest.approx(32.0, abs=2.0)
    # A later stage knows it from the start.
    later = _View(ledger, [Unit({"n": 9}, "unit 9", "odd"), Unit({"n": 10}, "unit 10", "new")])
    begin(ledger, later.waiting[0])
    begin(ledger, later.waiting[1])
    later.look()
    assert later.parts()[0].expected == pytest.approx(10.0, abs=1.0)
    assert later.parts()[1].expected == pytest.approx(20.0, abs=1.0)  # the mean of all


def test_a_unit_that_was_given_up_is_not_being_done(ledger):
    view = _View(ledger, UNITS)
    begin(ledger, UNITS[0])
    view.look()
    mark_of(ledger.folder, UNITS[0]).unlink()
    view.look()
    assert view.parts() == []


class Listener(SilentProgress):
    def __init__(self):
        self.told = []

    def start(self, stage, total, unit):
        self.told.append((stage, total, unit))

    def advance(self, n_units, note=""):
        self.told.append(n_units)

    def running(self, parts, seconds_left):
        if parts:
            self.told.append([part.name for part in parts])


def test_the_progress_is_told_what_is_there_and_what_comes(ledger):
    listener = Listener()
    end(ledger, UNITS[5])
    begin(ledger, UNITS[0])
    with watched(ledger, UNITS, listener, "folds 1 to 2"):
        time.sleep(0.2)
        end(ledger, UNITS[0])
    assert listener.told == [("folds 1 to 2", 6, "fits"), 1, ["unit 0"], 1]
    with watched(ledger, UNITS, listener, "answers", "shards"):
        pass
    assert listener.told[-2:] == [("answers", 6, "shards"), 2]
