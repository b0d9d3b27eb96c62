"""How much of two cores a Ray cluster on this machine makes use of when it scores by shards.

    python benchmarks/cluster_scoring.py [--rows N] [--rounds N] [--data FILE] [--out FILE]

One parquet file of texts goes in, one with answers comes out, each time by a command of its own:

    two threads     gatewise predict --threads 2: one process with both cores
    one thread      gatewise predict --threads 1: half its time is what two workers could reach
    local           gatewise predict --engine local --workers 2
    ray             gatewise predict --engine ray: a head without processors and two nodes with one

All ways are taken in turn, so many rounds, with all rows and with a thousand, whose time is nearly
all start; the median counts. The nodes are started before, and
not timed; the worker processes that Ray starts on them, and their reading of the model, are. The
answers of all ways have to be the same. A model of the recipe modern is trained for one epoch on a
labelled file, by default the bundled tickets, whose texts are scored again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gatewise import TextClassifier, read_corpus, save
from gatewise.base.files import write_json
from gatewise.data import load_tickets
from loopback import ray_nodes
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "cluster-scoring.json"
N_CORES = 2
N_FEW = 1000  # rows whose time is nearly all start
ROW_GROUP = 100_000
# Says how long each part of the way took; the command itself does not tell.
PARTS = """
import contextlib, json, sys, time
started = time.perf_counter()
from gatewise.selection import scoring_run as run
seconds = {"imports": time.perf_counter() - started}
def timed(name, function):
    def call(*given, **named):
        before = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            seconds[name] = time.perf_counter() - before
    return call
open_workers = run.open_workers
@contextlib.contextmanager
def opened(*given, **named):
    before = time.perf_counter()
    with open_workers(*given, **named) as workers:
        seconds["joining"] = time.perf_counter() - before
        yield workers
        before = time.perf_counter()
    seconds["leaving"] = time.perf_counter() - before
run.open_workers = opened
run.run_units = timed("shards", run.run_units)
run.put_together = timed("checking and putting together", run.put_together)
from gatewise.cli.main import app
try:
    app(sys.argv[2:])
finally:
    with open(sys.argv[1], "w") as stream:
        json.dump(seconds, stream)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shard-rows", type=int, default=10_000)
    parser.add_argument("--data", help="labelled texts; else the bundled tickets")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, ray_nodes(N_CORES) as cluster:
        folder = Path(name)
        make_model_and_rows(folder, options.data, options.rows)
        by_shards = ["--shard-rows", str(options.shard_rows), "--engine"]
        ways = {
            "two threads": ["--threads", "2"],
            "one thread": ["--threads", "1"],
            "local": [*by_shards, "local", "--workers", "2"],
            "ray": [*by_shards, "ray", "--address", cluster.address],
        }
        few: dict[str, list[float]] = {way: [] for way in ways}
        walls: dict[str, list[float]] = {way: [] for way in ways}
        parts: dict[str, list[dict[str, float]]] = {"local": [], "ray": []}
        for number in range(options.rounds):
            for way, words in ways.items():
                few[way].append(timed(folder, "few", way, words)[0])
                seconds, told = timed(folder, "rows", way, words)
                walls[way].append(seconds)
                if way in parts:
                    parts[way].append(told)
                print(f"round {number + 1}  {way:12} {seconds:7.1f} s", flush=True)
        check_same(folder, list(ways))
    found = summary(walls, parts) | {
        "seconds_few": {way: statistics.median(seconds) for way, seconds in few.items()},
        "few_rows": N_FEW,
        "rows": options.rows,
        "shard_rows": options.shard_rows,
        "data": Path(options.data).name if options.data else "tickets",
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "numpy", "onnxruntime", "pyarrow", "ray"]),
    }
    write_json(options.out, found)
    for name, share in found["of_ideal"].items():
        print(f"{name:30} {share:.3f} of ideal")
    return 0


def make_model_and_rows(folder: Path, data: str | None, n_rows: int) -> None:
    corpus = read_corpus(data) if data else load_tickets("train")
    classifier = TextClassifier(epochs=1, device="cpu", random_state=0)
    save(classifier.fit(corpus.texts, corpus.labels), folder / "model")
    chosen = np.random.default_rng(0).integers(len(corpus.texts), size=n_rows)
    texts = [corpus.texts[number] for number in chosen]
    rows = pa.table({"id": np.arange(n_rows), "text": texts})
    pq.write_table(rows, folder / "rows.parquet", row_group_size=ROW_GROUP)
    pq.write_table(rows.slice(0, N_FEW), folder / "few.parquet")


def timed(folder: Path, rows: str, way: str, words: list[str]) -> tuple[float, dict[str, float]]:
    """Score with a command, and tell its seconds, and those of the parts of its way."""
    out, told = folder / f"{rows} {way}.parquet", folder / "seconds.json"
    command = [sys.executable, "-c", PARTS, str(told), "predict", str(folder / "model")]
    if way not in ("local", "ray"):
        command = [sys.executable, "-m", "gatewise", "predict", str(folder / "model")]
    command += [str(folder / f"{rows}.parquet"), "--text", "text", "--out", str(out), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": words[1] if words[0] == "--threads" else "1"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-1000:]}")
    return seconds, json.loads(told.read_bytes()) if told.exists() else {}


def check_same(folder: Path, ways: Sequence[str]) -> None:
    """Check that all ways gave the same answers; the last digit may differ with the threads."""
    first, *others = (pq.read_table(folder / f"rows {way}.parquet") for way in ways)
    for way, other in zip(ways[1:], others, strict=True):
        same = all(
            first.column(name).equals(other.column(name)) for name in ("id", "text", "predicted")
        )
        one, two = (table.column("probability").to_numpy() for table in (first, other))
        if not same or not np.allclose(one, two, rtol=0, atol=1e-5):
            raise SystemExit(f"{way} gives other answers")


def summary(
    walls: dict[str, list[float]], parts: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """Put the seconds and their ratios together."""
    medians = {way: statistics.median(seconds) for way, seconds in walls.items()}
    strict = medians["one thread"] / N_CORES
    return {
        "seconds": medians,
        "every_round": walls,
        "parts": {
            way: {name: statistics.median(one[name] for one in told) for name in told[0]}
            for way, told in parts.items()
        },
        "of_ideal": {
            "ray, of one process, 2 threads": medians["two threads"] / medians["ray"],
            "local, of one process, 2 threads": medians["two threads"] / medians["local"],
            "ray, of half of one thread": strict / medians["ray"],
            "local, of half of one thread": strict / medians["local"],
        },
    }


if __name__ == "__main__":
    sys.exit(main())
