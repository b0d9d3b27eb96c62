"""Bytes that wait in memory and in a file come out as they went in."""

from __future__ import annotations

import asyncio
import random

import pytest

from gatewise.serve import spool
from gatewise.serve.spool import Spool


def through(pieces, *, stuck, most_bytes=1 << 20, patient=False):
    """Put pieces in and take them out, now and then; gives what came out."""

    async def sent():
        for piece in pieces:
            await asyncio.sleep(0)
            yield piece

    async def main():
        one = Spool(sent(), stuck, most_bytes)
        found = []
        if patient:
            await asyncio.sleep(0.3)
        while chunk := await asyncio.wait_for(one.get(), 5):
            found.append(chunk)
            if len(found) % 3 == 0:
                await asyncio.sleep(0.001)
        assert one.n_received == sum(map(len, pieces))
        one.close()
        return b"".join(found)

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(spool, "_IN_MEMORY", 300)
    monkeypatch.setattr(spool, "_PIECE", 70)
    monkeypatch.setattr(spool, "_PATIENCE", 0.01)


@pytest.mark.parametrize("most_bytes", [0, 200, 1 << 20])
@pytest.mark.parametrize("patient", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_order_is_kept(most_bytes, patient, seed):
    generator = random.Random(seed)
    pieces = [generator.randbytes(generator.randrange(100)) for _ in range(100)]

    def stuck():
        return generator.random() < 0.5

    found = through(pieces, stuck=stuck, most_bytes=most_bytes, patient=patient)
    assert found == b"".join(pieces)


def test_without_a_folder_to_write_to(monkeypatch):
    def refuse():
        raise PermissionError

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", refuse)
    pieces = [bytes([number]) * 50 for number in range(100)]
    assert through(pieces, stuck=lambda: True, patient=True) == b"".join(pieces)


def test_nothing():
    assert through([], stuck=lambda: True) == b""


def test_a_client_that_goes_away_is_told_after_what_it_sent():
    async def sent():
        yield b"some"
        raise ConnectionError

    async def main():
        one = Spool(sent(), lambda: False, 1000)
        assert await one.get() == b"some"
        with pytest.raises(ConnectionError):
            await one.get()
        one.close()

    asyncio.run(main())


def test_who_waits_for_more_is_told_that_nothing_will_come():
    async def main():
        one = Spool(never(), lambda: False, 1000)
        waiting = asyncio.ensure_future(one.get())
        await asyncio.sleep(0)
        one.close()
        with pytest.raises(BrokenPipeError):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(BrokenPipeError):
            await asyncio.wait_for(one.get(), 5)

    async def never():
        await asyncio.Event().wait()
        yield b""

    asyncio.run(main())
