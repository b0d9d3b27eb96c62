"""A thread that waits for the event loop: until it is served, at most so long, never for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatewise.serve.body_stream import LoopCalls

SECONDS = 0.2


async def made():
    return LoopCalls(SECONDS)


async def some():
    return 7


async def never():
    await asyncio.Event().wait()


def in_thread(function):
    """Call a function in a thread while a loop runs."""

    async def main():
        call = LoopCalls(SECONDS)
        return await asyncio.to_thread(function, call)

    return asyncio.run(main())


def test_what_the_loop_finds_comes_back():
    assert in_thread(lambda call: call(some())) == 7


def test_what_never_ends_is_given_up():
    def ask(call):
        with pytest.raises(TimeoutError, match=r"nothing came or went for 0\.2 seconds"):
            call(never())

    in_thread(ask)


def test_as_long_as_something_moves_it_waits_on():
    async def late():
        await asyncio.sleep(3 * SECONDS)
        return 8

    def ask(call):
        begin = time.monotonic()
        call.progress = lambda: int((time.monotonic() - begin) / (SECONDS / 4))
        return call(late())

    assert in_thread(ask) == 8


def test_a_loop_that_is_closed():
    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(made())
    loop.close()
    with pytest.raises(BrokenPipeError, match="the server has stopped"):
        call(some())


def test_a_loop_that_is_closed_before_it_comes_to_it():
    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(made())
    call.progress = lambda: time.monotonic_ns()  # something always moves
    with ThreadPoolExecutor(1) as threads:
        asked = threading.Event()
        action = some()

        def ask():
            asked.set()
            return call(action)

        answer = threads.submit(ask)
        asked.wait()
        time.sleep(SECONDS / 2)
        loop.close()
        with pytest.raises(BrokenPipeError, match="the server has stopped"):
            answer.result(5)
    assert action.cr_frame is None  # closed, so that nobody warns that it was never awaited
