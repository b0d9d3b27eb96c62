"""``gatewise serve`` for many minutes: latencies, memory, and an overload that it recovers from.

    python benchmarks/serve_soak.py --model MODEL --data banking77.test.csv [--minutes 10]

The capacity is measured first: the highest steady rate at which no request is refused. The search
begins with the rate of 32 clients that each ask again when they are answered; it is higher, since
these never come faster than they are answered. Then requests of one text each come at a steady
share of the capacity, then for two minutes at five times it. Server and sender share the machine's
cores.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gatewise.base.files import write_json
from machine import machine_facts, package_versions
from serve_load import closed_loop, exact_loop, open_loop, request_of, serving

RESULTS = Path(__file__).parent / "results" / "serve-soak.json"
N_CLIENTS, OVERLOAD = 32, 5
_SHARES = [number / 20 for number in range(20, 4, -1)]
# After the overload a lone request is looked at every so often, until it is as quick as before.
_LOOK, _PATIENCE, _SLOWER = 0.25, 60.0, 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="a csv file with the column text")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--overload-minutes", type=float, default=2.0)
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument(
        "--capacity-seconds", type=float, default=10.0, help="in which the capacity is measured"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        found = runner.run(soak(options))
    found |= {
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "fastapi", "uvicorn", "onnxruntime"]),
        "load_average": list(os.getloadavg()),
    }
    write_json(options.out, found)
    kept = {name: found[name] for name in found if name not in ("machine", "packages")}
    print(json.dumps(kept, indent=1))
    return 0


async def soak(options: argparse.Namespace) -> dict[str, Any]:
    with options.data.open(newline="", encoding="utf-8") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    singles = itertools.cycle([request_of([text]) for text in texts])
    async with serving(options.model, ()) as port:
        await closed_loop(port, singles, 4, options.capacity_seconds / 5)
        alone = await closed_loop(port, singles, 1, options.capacity_seconds / 2)
        capacity = await capacity_of(port, singles, options.capacity_seconds)
        rate = capacity["capacity_per_second"]
        # What it holds after a first minute is what it needs; from there on it should not grow.
        seconds = 60.0 * options.minutes
        first = await open_loop(port, singles, options.share * rate, min(60.0, seconds / 10))
        before = memory_mb(port)
        steady = await open_loop(port, singles, options.share * rate, seconds)
        after = memory_mb(port)
        overload = await open_loop(
            port, singles, OVERLOAD * rate, max(1.0, 60.0 * options.overload_minutes)
        )
        quick = alone.told().get("p50_ms", 1.0)
        recovery = await recovered(port, singles, _SLOWER * quick)
    return {
        **capacity,
        "one_client": alone.told(),
        "first_minute": first.told(),
        "share": options.share,
        "steady_seconds": seconds,
        "steady": steady.told(),
        "memory_mb": {"before": before, "after": after, "growth": after / before - 1.0},
        "overload": overload.told(),
        "recovery_seconds": recovery,
    }


async def capacity_of(port: int, singles: Iterator[bytes], seconds: float) -> dict[str, Any]:
    """Find the highest steady rate at which all are answered."""
    waiting = await closed_loop(port, singles, N_CLIENTS, seconds)
    most = waiting.statuses["200"] / waiting.seconds
    tried = []
    for share in _SHARES:
        found = await open_loop(port, singles, share * most, seconds)
        tried.append({"requests_per_second": share * most, **found.told()})
        if set(found.statuses) == {"200"}:
            break
    return {
        "clients": N_CLIENTS,
        "clients_per_second": most,
        "tried": tried,
        "capacity_per_second": tried[-1]["requests_per_second"],
    }


async def recovered(port: int, singles: Iterator[bytes], limit_ms: float) -> float | None:
    """Measure how long it takes until a lone client is answered as quickly as before."""
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < _PATIENCE:
        found = (await closed_loop(port, singles, 1, _LOOK)).told()
        if set(found["statuses"]) == {"200"} and found.get("p50_ms", limit_ms) < limit_ms:
            return waited
    return None


def memory_mb(port: int) -> float:
    """Read the resident memory of the process that listens, 10**6 bytes; Linux only."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                lines = (entry / "status").read_text("utf-8").splitlines()
            except OSError:  # it has ended
                continue
            if b"serve" in words and b"gatewise" in words and _parent(lines) == os.getpid():
                size = next(line for line in lines if line.startswith("VmRSS"))
                return float(size.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no server of this process listens on port {port}")


def _parent(lines: Sequence[str]) -> int:
    return int(next(line for line in lines if line.startswith("PPid")).split()[1])


if __name__ == "__main__":
    sys.exit(main())
