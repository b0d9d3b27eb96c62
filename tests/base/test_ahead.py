"""Results come in order, computed ahead, and an end comes when it should."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from gatewise.base.ahead import begin, map_ahead


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_in_the_order_of_the_items(threads):
    def slow_at_first(number):
        time.sleep(0.02 / (1 + number))
        return -number

    assert list(map_ahead(slow_at_first, range(9), threads)) == [-number for number in range(9)]
    assert list(map_ahead(slow_at_first, [], threads)) == []


def test_one_thread_computes_when_it_is_asked():
    seen = []
    found = map_ahead(lambda item: seen.append(threading.current_thread()), range(3), 1)
    assert seen == []
    next(found)
    assert seen == [threading.main_thread()]


def test_no_more_is_taken_than_there_are_threads_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    found = map_ahead(abs, items(), 2)
    assert next(found) == 0
    assert taken == [0, 1, 2]
    assert next(found) == 1
    assert taken == [0, 1, 2, 3]


def test_both_compute_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(map_ahead(lambda _: meeting.wait(), range(4), 2))) == 4


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_in_its_place(threads):
    found = map_ahead(lambda number: 1 / (3 - number), range(9), threads)
    assert [next(found) for _ in range(3)] == [1 / 3, 1 / 2, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_who_stops_asking_does_not_wait_for_all():
    done = []

    def work(number):
        time.sleep(0.01)
        done.append(number)

    found = map_ahead(work, range(1000), 2)
    next(found)
    found.close()
    assert len(done) <= 5
    assert not [one for one in threading.enumerate() if one.name.startswith("gatewise-ahead")]


def test_calls_beside_are_made_in_their_order_while_others_go_on():
    go_on, order = threading.Event(), []

    def first():
        assert go_on.wait(10)
        order.append(1)
        return "one"

    futures = begin([first, lambda: order.append(2)])
    assert order == []  # nobody waited for it
    go_on.set()
    assert [future.result(10) for future in futures] == ["one", None]
    assert order == [1, 2]


def test_after_a_failure_beside_no_call_is_made():
    done = []
    futures = begin([lambda: 1, lambda: 1 / 0, lambda: done.append(3)])
    assert futures[0].result(10) == 1
    for future in futures[1:]:
        with pytest.raises(ZeroDivisionError):
            future.result(10)
    assert done == []


def test_a_process_that_ends_does_not_wait_for_calls_beside():
    code = "import time; from gatewise.base.ahead import begin; begin([lambda: time.sleep(60)])"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
