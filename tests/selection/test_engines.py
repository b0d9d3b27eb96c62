from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cloudpickle
import pytest

from gatewise.selection.engines import UnusableNodeError, run_units
from gatewise.selection.ledger import Unit, open_ledger
from gatewise.selection.workers import Engine, open_workers

# The workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

UNITS = [Unit({"number": number}, f"number {number}") for number in range(6)]
SHARED = {"power": 2}


@dataclass(frozen=True)
class Work:
    """Squares; some numbers fail, or die, as often as it says."""

    folder: Path
    fails: tuple[int, ...] = ()
    dies: tuple[int, ...] = ()
    times: int = 99

    def __call__(self, data, unit):
        number = unit.facts["number"]
        tries = self.folder / f"{number}.tries"
        with tries.open("a") as stream:
            stream.write("x")
        if tries.stat().st_size <= self.times:
            if number in self.fails:
                raise ValueError(f"{number} is unlucky")
            if number in self.dies:
                os.kill(os.getpid(), signal.SIGKILL)
        return {
            "square": number ** data["power"],
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "pid": os.getpid(),
        }

    def tries(self):
        return Counter(
            {int(path.stem): path.stat().st_size for path in self.folder.glob("*.tries")}
        )


class Listener:
    def __init__(self):
        self.total, self.done, self.names = 0, 0, set()

    def start(self, stage, total, unit):
        self.total = total

    def advance(self, n_units, note=""):
        self.done += n_units

    def running(self, parts, seconds_left):
        self.names |= {part.name for part in parts}

    def message(self, text):
        pass


def run(work, ledger, n_workers=1, **options):
    with open_workers(Engine(workers=n_workers), SHARED) as workers:
        return run_units(UNITS, work, ledger, workers=workers, **options)


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "run", {}) as found:
        yield found


def results(ledger):
    return [(ledger.find(unit) or {}).get("square") for unit in UNITS]


def test_all_is_done_in_other_processes(ledger, tmp_path):
    work, listener = Work(tmp_path), Listener()
    with open_workers(Engine(workers=2, threads=3), SHARED) as workers:
        failures = run_units(UNITS, work, ledger, workers=workers, progress=listener)
    assert failures == {}
    assert results(ledger) == [0, 1, 4, 9, 16, 25]
    found = [ledger.find(unit) for unit in UNITS]
    assert {one["threads"] for one in found} == {"3"}
    assert os.getpid() not in {one["pid"] for one in found}
    assert (listener.total, listener.done) == (6, 6)


def test_what_is_there_is_not_done_again(ledger, tmp_path):
    work = Work(tmp_path)
    ledger.keep(UNITS[2], {"square": -1})
    run(work, ledger)
    assert results(ledger) == [0, 1, -1, 9, 16, 25]
    assert run(work, ledger) == {}
    assert work.tries() == Counter({0: 1, 1: 1, 3: 1, 4: 1, 5: 1})


def test_a_unit_that_fails_twice_is_told_and_the_rest_goes_on(ledger, tmp_path):
    work = Work(tmp_path, fails=(1, 4))
    failures = run(work, ledger, 2)
    assert failures == {
        UNITS[1].key: "ValueError: 1 is unlucky",
        UNITS[4].key: "ValueError: 4 is unlucky",
    }
    assert results(ledger) == [0, None, 4, 9, None, 25]
    assert work.tries()[1] == 2


def test_a_unit_that_fails_once_is_done(ledger, tmp_path):
    work = Work(tmp_path, fails=(3,), times=1)
    assert run(work, ledger) == {}
    assert results(ledger)[3] == 9


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_kills_its_process_is_found(ledger, tmp_path, workers):
    work = Work(tmp_path, dies=(2,))
    failures = run(work, ledger, workers)
    assert failures == {UNITS[2].key: "its process died (killed, or out of memory)"}
    assert results(ledger) == [0, 1, None, 9, 16, 25]


def test_a_process_that_is_killed_once_costs_nothing(ledger, tmp_path):
    work = Work(tmp_path, dies=(0, 5), times=1)
    assert run(work, ledger, 2) == {}
    assert results(ledger) == [0, 1, 4, 9, 16, 25]
    assert not list((ledger.folder / "ledger").glob("*.begun"))


def test_results_appear_as_they_are_done(ledger, tmp_path):
    @dataclass(frozen=True)
    class Slow:
        def __call__(self, data, unit):
            time.sleep(0.1 * unit.facts["number"])
            return {"square": time.time()}

    run(Slow(), ledger)
    times = results(ledger)
    assert times == sorted(times)


class Bomb:
    """Data that kill whoever unpacks them."""

    def __reduce__(self):
        return os._exit, (1,)


def test_processes_that_die_before_they_begin_do_not_go_on_for_ever(ledger, tmp_path):
    with open_workers(Engine(), Bomb()) as workers:
        failures = run_units(UNITS[:2], Work(tmp_path), ledger, workers=workers)
    assert set(failures.values()) == {"its process died (killed, or out of memory)"}
    assert len(failures) == 2


def nowhere(data, unit):
    raise UnusableNodeError("nothing can be done here")


def test_a_worker_where_nothing_can_be_done_ends_the_run(ledger):
    with pytest.raises(UnusableNodeError, match=r"^nothing can be done here$"):
        run(nowhere, ledger)
    assert results(ledger) == [None] * 6
