"""``gatewise serve`` under load: how long answers take, how many there are, and what is too much.

    python benchmarks/serve_load.py --model MODEL --data banking77.test.csv [--seconds 5]

Starts the server in a process of its own for each way to run it (batches or single requests), and
sends requests over plain sockets from this process. Both share the machine's cores, so a server
with cores of its own does more. Times count from when a request was due, not from when it was
sent, so that a queue before a busy connection is not left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import itertools
import json
import os
import re
import selectors
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.base.files import write_json
from machine import machine_facts, package_versions

_RESULTS = Path(__file__).with_name("results") / "serve.json"
_PACKAGES = ("gatewise", "fastapi", "uvicorn", "starlette", "onnxruntime", "numpy")
_WAYS = {
    "as it comes": (),
    "1 thread": ("--threads", "1"),
    "1 thread, each request alone": ("--threads", "1", "--batch-texts", "1"),
}
_CAPACITY_CLIENTS = 32
_OVERLOAD = 5
_MOST_CONNECTIONS = 400


@dataclass
class Outcome:
    """What came of many requests.

    Attributes
    ----------
    statuses : Counter
        Answers by status; ``"broken"``: no answer.
    milliseconds : list of float
        From when each request that was answered with 200 was due to its answer.
    seconds : float
        How long all of it took.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """Sum up."""
        found: dict[str, Any] = {
            "statuses": dict(sorted(self.statuses.items())),
            "answered_per_second": round(self.statuses["200"] / self.seconds, 1),
        }
        if len(self.milliseconds) > 1:
            cuts = statistics.quantiles(self.milliseconds, n=100, method="inclusive")
            found |= {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}
        return found


class Connection:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> str:
        """Send a request and return the status of the answer."""
        try:
            if self._streams is not None and self._streams[0].at_eof():
                self.close()  # it was idle for so long that the server has closed it
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            return head[9:12].decode()
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return "broken"

    def close(self) -> None:
        """Close it; the next request opens a new one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def closed_loop(
    port: int, requests: Iterator[bytes], n_clients: int, seconds: float
) -> Outcome:
    """Let some clients ask one request after the other."""
    outcome, started = Outcome(), time.perf_counter()

    async def client() -> None:
        connection = Connection(port)
        while (due := time.perf_counter()) - started < seconds:
            status = await connection.ask(next(requests))
            _note(outcome, status, due)
        connection.close()

    await asyncio.gather(*(client() for _ in range(n_clients)))
    outcome.seconds = time.perf_counter() - started
    return outcome


async def open_loop(port: int, requests: Iterator[bytes], rate: float, seconds: float) -> Outcome:
    """Send requests at a steady rate, whether or not those before were answered."""
    outcome, started = Outcome(), time.perf_counter()
    idle: deque[Connection] = deque()
    tasks: set[asyncio.Task[None]] = set()
    n_open = 0

    async def one(due: float, connection: Connection) -> None:
        _note(outcome, await connection.ask(next(requests)), due)
        idle.append(connection)

    for number in range(int(rate * seconds)):
        due = started + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        if not idle and n_open < _MOST_CONNECTIONS:
            idle.append(Connection(port))
            n_open += 1
        while not idle:
            await asyncio.sleep(0.0005)
        # The one used last, so that a burst does not leave many connections to go round in.
        task = asyncio.create_task(one(due, idle.pop()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    outcome.seconds = time.perf_counter() - started
    for connection in idle:
        connection.close()
    return outcome


def _note(outcome: Outcome, status: str, due: float) -> None:
    outcome.statuses[status] += 1
    if status == "200":
        outcome.milliseconds.append(1e3 * (time.perf_counter() - due))


def exact_loop() -> asyncio.AbstractEventLoop:
    """Make a loop whose clock is exact: with epoll it wakes up as much as a millisecond late."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def request_of(texts: Sequence[str]) -> bytes:
    """Write a request that classifies texts."""
    body = json.dumps({"texts": texts}).encode()
    head = (
        "POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextlib.asynccontextmanager
async def serving(model: Path, options: Sequence[str]) -> AsyncIterator[int]:
    """Start a server; yields its port."""
    command = [sys.executable, "-m", "gatewise", "serve", str(model), "--port", "0", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    port = next(
        int(found[1])
        for line in process.stderr
        if (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line))
    )
    # Its log must be read, or it would stop to write it.
    reader = threading.Thread(target=process.stderr.read)
    reader.start()
    try:
        yield port
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)
        reader.join()
        process.stderr.close()


async def measure(
    port: int, texts: Sequence[str], seconds: float, share: float
) -> dict[str, dict[str, Any]]:
    """Measure one server."""
    singles = itertools.cycle([request_of([text]) for text in texts])
    packs = [request_of(texts[start : start + 64]) for start in range(0, len(texts) - 63, 64)]
    await closed_loop(port, singles, 4, 0.5)
    alone = await closed_loop(port, singles, 1, seconds)
    capacity = await closed_loop(port, singles, _CAPACITY_CLIENTS, seconds)
    rate = capacity.statuses["200"] / capacity.seconds
    steady = await open_loop(port, singles, share * rate, seconds)
    many = await closed_loop(port, itertools.cycle(packs), 4, seconds)
    overload = await open_loop(port, singles, _OVERLOAD * rate, seconds)
    recovered = await closed_loop(port, singles, 1, seconds)
    per_second = 64 * many.statuses["200"] / many.seconds
    return {
        "one client": alone.told(),
        f"{_CAPACITY_CLIENTS} clients": capacity.told(),
        f"{share:.0%} of that rate": steady.told(),
        "64 texts a request, 4 clients": {**many.told(), "texts_per_second": round(per_second, 1)},
        f"{_OVERLOAD} times that rate": overload.told(),
        "one client, after that": recovered.told(),
    }


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure each way to run a server."""
    with arguments.data.open(newline="", encoding="utf-8") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    found = {}
    for way, options in _WAYS.items():
        async with serving(arguments.model, options) as port:
            found[way] = await measure(port, texts, arguments.seconds, arguments.share)
        print(way, json.dumps(found[way], indent=1))
    return {
        "machine": machine_facts(),
        # Above the number of cores, other programs took part of the time.
        "load_average": list(os.getloadavg()),
        "versions": package_versions(_PACKAGES),
        "data": arguments.data.name,
        "seconds": arguments.seconds,
        "servers": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the folder of a trained model")
    parser.add_argument("--data", type=Path, required=True, help="a csv file with the column text")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each number")
    parser.add_argument("--share", type=float, default=0.5, help="of the capacity, for latencies")
    parser.add_argument("--out", type=Path, default=_RESULTS)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        write_json(arguments.out, runner.run(run(arguments)))


if __name__ == "__main__":
    main()
