"""Requests that wait are computed together, and each gets its own part."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.serve import batching
from gatewise.serve.batching import Batcher, Scores
from gatewise.serve.metrics import Metrics


class Parts:
    def __init__(self, blend):
        self.blend = blend


class Reading:
    def __init__(self, texts, *, scope):
        numbers = np.array([float(text) for text in texts])
        self.parts = Parts(np.log(np.stack([numbers, 1 - numbers], axis=1)))
        self.in_scope = numbers if scope else None
        self.answers = numbers > 0.5
        self.points = numbers[:, None] if scope else None


class Model:
    """Says of a number what share it is; waits until it may go."""

    def __init__(self, *, scope=True):
        self.calls = []
        self.may_go = threading.Event()
        self._scope = scope

    def read(self, texts):
        self.calls.append(list(texts))
        assert self.may_go.wait(10)
        return Reading(texts, scope=self._scope)


def together(model, requests, *, most_texts=64, threads=1, others=()):
    """Ask for all at once; gives scores or errors."""

    async def main():
        batcher = Batcher(Metrics(), threads, most_texts)
        pairs = [(model, request) for request in requests] + list(others)
        tasks = [asyncio.create_task(batcher.read(*pair)) for pair in pairs]
        await asyncio.sleep(0.05)
        for one, _ in pairs:
            one.may_go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        batcher.close()
        return found

    return asyncio.run(main())


@pytest.mark.parametrize("scope", [True, False])
def test_each_gets_its_own(scope):
    requests = [["0.1"], ["0.2", "0.9"], ["0.3"], ["0.4", "0.6", "0.7"]]
    model = Model(scope=scope)
    for request, scores in zip(requests, together(model, requests), strict=True):
        numbers = [float(text) for text in request]
        assert isinstance(scores, Scores)
        np.testing.assert_allclose(scores.probabilities[:, 0], numbers)
        np.testing.assert_array_equal(scores.answers, np.array(numbers) > 0.5)
        if scope:
            np.testing.assert_array_equal(scores.in_scope, numbers)
            np.testing.assert_array_equal(scores.points[:, 0], numbers)
    assert model.calls == [["0.1"], ["0.2", "0.9", "0.3", "0.4", "0.6", "0.7"]]


def test_a_batch_has_no_more_texts_than_it_may():
    model = Model()
    together(model, [["0.1"], ["0.2"] * 3, ["0.3"] * 2, ["0.4"] * 9, ["0.5"]], most_texts=4)
    assert [len(call) for call in model.calls] == [1, 3, 2, 9, 1]


def test_an_idle_batcher_waits_for_nobody():
    model = Model()
    together(model, [["0.1"], ["0.2"], ["0.3"]], threads=2)
    assert model.calls[:2] == [["0.1"], ["0.2"]]


def test_models_are_not_mixed():
    first, second = Model(), Model()
    together(first, [["0.1"], ["0.2"]], others=[(second, ["0.3"]), (first, ["0.4"])])
    assert first.calls == [["0.1"], ["0.2"], ["0.4"]]
    assert second.calls == [["0.3"]]


def test_one_that_fails_does_not_make_the_others_fail():
    model = Model()
    found = together(model, [["0.1"], ["0.2"], ["no number"], ["0.3"]])
    assert [type(one) for one in found] == [Scores, Scores, ValueError, Scores]
    assert found[3].in_scope == [0.3]


def test_one_that_is_no_longer_wanted_is_not_computed():
    model = Model()

    async def main():
        batcher = Batcher(Metrics())
        tasks = [asyncio.create_task(batcher.read(model, [f"0.{row}"])) for row in range(1, 5)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        tasks[2].cancel()
        model.may_go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        batcher.close()
        return found

    found = asyncio.run(main())
    assert [type(one) for one in found[1::2]] == [Scores, Scores]
    assert model.calls == [["0.1"], ["0.2", "0.4"]]


class Noting:
    """Says where it was asked, and how much at a time; takes as long as it says, however busy."""

    clock = 0.0  # seconds

    def __init__(self, seconds=0.0):
        self.calls = []
        self.threads = []
        self._seconds = seconds

    def read(self, texts):
        time.sleep(self._seconds)
        Noting.clock += self._seconds
        self.calls.append(list(texts))
        self.threads.append(threading.current_thread())
        return Reading(texts, scope=True)


@pytest.fixture
def own_clock(monkeypatch):
    monkeypatch.setattr(batching, "time", SimpleNamespace(perf_counter=lambda: Noting.clock))


@pytest.mark.usefixtures("own_clock")
def test_what_waits_at_a_socket_is_let_in_first():
    model = Noting()

    async def main():
        loop = asyncio.get_running_loop()
        batcher = Batcher(Metrics())
        await batcher.read(model, ["0.1"])
        client, server = socket.socketpair()
        tasks = [asyncio.create_task(batcher.read(model, ["0.2"]))]

        def arrive():
            if server.recv(1):
                tasks.append(asyncio.create_task(batcher.read(model, ["0.3"])))

        with client, server:
            loop.add_reader(server, arrive)
            client.send(b"x")
            await tasks[0]
            loop.remove_reader(server)
        await asyncio.gather(*tasks)
        batcher.close()

    asyncio.run(main())
    assert model.calls == [["0.1"], ["0.2", "0.3"]]


@pytest.mark.usefixtures("own_clock")
def test_what_is_quick_is_computed_by_the_loop_all_that_waits_at_once():
    model = Noting()

    async def main():
        batcher = Batcher(Metrics(), most_texts=4)
        await batcher.read(model, ["0.1"])
        found = await asyncio.gather(*(batcher.read(model, [f"0.{row}"]) for row in range(1, 7)))
        batcher.close()
        return found

    found = asyncio.run(main())
    assert [float(scores.in_scope[0]) for scores in found] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert [len(call) for call in model.calls] == [1, 4, 2]
    assert model.threads[0] is not threading.main_thread()  # nobody knew how long it takes
    assert model.threads[1:] == [threading.main_thread()] * 2


@pytest.mark.usefixtures("own_clock")
def test_what_is_slow_does_not_stop_the_loop():
    quick, slow = Noting(), Noting(seconds=0.05)

    async def main():
        batcher = Batcher(Metrics())
        for model in (quick, slow):
            await batcher.read(model, ["0.1"])
        long = asyncio.create_task(batcher.read(slow, ["0.2"]))
        await asyncio.sleep(0)
        await batcher.read(quick, ["0.3"])
        assert not long.done()
        await long
        batcher.close()

    asyncio.run(main())
    assert threading.main_thread() not in slow.threads
    assert quick.threads[-1] is threading.main_thread()


@pytest.mark.usefixtures("own_clock")
def test_a_quick_one_that_fails_or_has_gone():
    model = Noting()

    async def main():
        batcher = Batcher(Metrics())
        await batcher.read(model, ["0.1"])
        tasks = [
            asyncio.create_task(batcher.read(model, [text])) for text in ("0.2", "no", "0.3", "0.4")
        ]
        await asyncio.sleep(0)
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        batcher.close()
        return found

    found = asyncio.run(main())
    assert [type(one) for one in found] == [asyncio.CancelledError, ValueError, Scores, Scores]
    assert ["0.2"] not in model.calls
