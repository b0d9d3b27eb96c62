"""``gatewise serve`` stopped again and again while it is asked, and whether a request is lost.

    python benchmarks/stop_service.py --model MODEL --data banking77.test.csv [--stops 100]

Clients ask over connections that are kept, as behind a load balancer: until an answer asks them to
close. In their midst the server gets SIGTERM at a moment drawn by lot. A request is lost if it was
sent on a connection that the server had not said to close and got no whole answer.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gatewise.base.files import write_json
from machine import machine_facts, package_versions
from serve_load import request_of

RESULTS = Path(__file__).with_name("results") / "stop-service.json"
_PACKAGES = ("gatewise", "fastapi", "uvicorn")
_CLIENTS = (1, 4, 16, 48)
_PATIENCE = 30.0  # seconds
_WHOLE_HEAD = b"\r\n\r\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="a csv file with the column text")
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    with options.data.open(newline="", encoding="utf-8") as stream:
        requests = [request_of([row["text"]]) for row in csv.DictReader(stream)]
    found = asyncio.run(stop_often(options.model, requests, options.stops, options.seed))
    told = {**found, "machine": machine_facts(), "packages": package_versions(_PACKAGES)}
    write_json(options.out, told)
    print(json.dumps(found, indent=1))
    return 1 if found["lost"] or found["statuses"].keys() - {"200", "429"} else 0


async def stop_often(
    model: Path, requests: Sequence[bytes], n_stops: int, seed: int
) -> dict[str, Any]:
    """Stop a server so many times; sums of what came."""
    draw = random.Random(seed)
    statuses: Counter[str] = Counter()
    lost: list[str] = []
    ends: Counter[str] = Counter()
    asked = itertools.cycle(requests)
    with tempfile.TemporaryDirectory() as state:
        for number in range(n_stops):
            n_clients, delay = _CLIENTS[number % len(_CLIENTS)], draw.uniform(0.1, 0.8)
            end = await stop_once(model, state, asked, n_clients, delay, statuses, lost)
            ends[str(end)] += 1
            print(f"{number + 1}/{n_stops}: {sum(statuses.values()):,} answers, {len(lost)} lost")
    return {
        "stops": n_stops,
        "statuses": dict(statuses),
        "lost": lost,
        "exit_statuses": dict(ends),
    }


async def stop_once(
    model: Path,
    state: str,
    asked: Iterator[bytes],
    n_clients: int,
    delay: float,
    statuses: Counter[str],
    lost: list[str],
) -> int:
    command = [sys.executable, "-m", "gatewise", "serve", str(model)]
    options = ["--port", "0", "--state", state, "--drain-seconds", "0.3"]
    process = await asyncio.create_subprocess_exec(
        *command, *options, stderr=asyncio.subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    port = 0
    while not port:
        line = (await asyncio.wait_for(process.stderr.readline(), _PATIENCE)).decode()
        found = re.search(r"running on http://127\.0\.0\.1:(\d+)", line)
        port = int(found[1]) if found else 0
    log = asyncio.create_task(process.stderr.read())
    clients = [asyncio.create_task(client(port, asked, statuses, lost)) for _ in range(n_clients)]
    await asyncio.sleep(delay)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(asyncio.gather(*clients), _PATIENCE)
    end = await asyncio.wait_for(process.wait(), _PATIENCE)
    await log
    return end


async def client(
    port: int, asked: Iterator[bytes], statuses: Counter[str], lost: list[str]
) -> None:
    """Ask one request after the other until an answer asks to close."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    is_over = False
    while not is_over:
        try:
            writer.write(next(asked))
            head = (await reader.readuntil(_WHOLE_HEAD)).lower()
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError) as error:
            lost.append(repr(error))
            break
        statuses[head[9:12].decode()] += 1
        is_over = b"connection: close" in head
    writer.close()


if __name__ == "__main__":
    sys.exit(main())
