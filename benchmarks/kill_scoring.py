"""Kill workers, nodes and drivers while a Ray cluster scores, and look whether a byte differs.

    python benchmarks/kill_scoring.py [--kills 20] [--rows 30000] [--seed 0] [--out FILE]

A parquet file is scored once by this machine alone. Then it is scored on three Ray nodes of this
machine, again and again, while after random times one worker process, one whole node or the driver
is killed (SIGKILL): a node is started anew, and a driver's command is typed again, as it is when it
ends with an error. Each file of answers is compared byte by byte with that of the first, until so
many workers and nodes were killed; drivers come on top of these.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gatewise import TextClassifier, save
from gatewise.base.files import write_json
from gatewise.data import load_tickets
from loopback import Loopback, ray_nodes
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "kill-scoring.json"
N_NODES, SHARD_ROWS = 3, 1000
WORKER, NODE, DRIVER = "worker", "node", "driver"
SHARES = {WORKER: 4, NODE: 3, DRIVER: 1}  # of all kills
LONGEST = 3.0  # seconds from a shard that is done to a kill
MOST_TRIES = 20  # of one command
SETTINGS: dict[str, Any] = {"units": 32, "word_dimension": 32, "ngram_dimension": 16}
SETTINGS |= {"projection": 32, "epochs": 1, "word2vec_passes": 2, "device": "cpu"}


@dataclass
class Tally:
    """What was done so far."""

    kills: Counter[str] = field(default_factory=Counter)
    done_at_a_kill: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    differing: list[int] = field(default_factory=list)
    n_files: int = 0

    @property
    def n_counted(self) -> int:
        """How many workers and nodes were killed."""
        return self.kills[WORKER] + self.kills[NODE]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    generator, tally = random.Random(options.seed), Tally()
    with tempfile.TemporaryDirectory() as name, ray_nodes(N_NODES) as cluster:
        folder = Path(name)
        make_model_and_rows(folder, options.rows)
        whole = folder / "undisturbed.parquet"
        finish(begin(folder, whole, ["--engine", "local", "--workers", "2"]))
        expected = whole.read_bytes()
        while tally.n_counted < options.kills:
            out = folder / f"answers-{tally.n_files}.parquet"
            score_under_fire(folder, out, cluster, generator, tally, options.kills)
            tally.n_files += 1
            if out.read_bytes() != expected:
                tally.differing.append(tally.n_files)
            print(f"{dict(tally.kills)}, {tally.n_files} files, {len(tally.differing)} differ")
    found = {
        "kills": dict(tally.kills),
        "files": tally.n_files,
        "differing": tally.differing,
        "errors": tally.errors,
        "shards": -(-options.rows // SHARD_ROWS),
        "shards_done_at_a_kill": tally.done_at_a_kill,
        "rows": options.rows,
        "nodes": N_NODES,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "numpy", "onnxruntime", "pyarrow", "ray"]),
    }
    write_json(options.out, found)
    return bool(tally.differing)


def make_model_and_rows(folder: Path, n_rows: int) -> None:
    corpus = load_tickets("train")
    classifier = TextClassifier(**SETTINGS, random_state=0)
    save(classifier.fit(corpus.texts, corpus.labels), folder / "model")
    generator = random.Random(0)
    texts = [generator.choice(corpus.texts) for _ in range(n_rows)]
    rows = pa.table({"id": range(n_rows), "text": texts})
    pq.write_table(rows, folder / "rows.parquet", row_group_size=10_000)


def begin(folder: Path, out: Path, words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gatewise", "predict", str(folder / "model")]
    command += [str(folder / "rows.parquet"), "--out", str(out), "--shard-rows", str(SHARD_ROWS)]
    return subprocess.Popen(
        [*command, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, told = process.communicate()
    if process.returncode:
        raise SystemExit(f"it ended with status {process.returncode}: {told[-500:]}")


def score_under_fire(
    folder: Path,
    out: Path,
    cluster: Loopback,
    generator: random.Random,
    tally: Tally,
    most: int,
) -> None:
    """Score, with kills, and type the command again until it succeeds."""
    ledger = out.with_name(f"{out.name}.run") / "ledger"
    for _ in range(MOST_TRIES):
        process = begin(folder, out, ["--engine", "ray", "--address", cluster.address])
        before = n_done(ledger)
        while process.poll() is None:
            time.sleep(0.05)
            if tally.n_counted == most or n_done(ledger) <= before:
                continue
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(generator.uniform(0.0, LONGEST))
            if process.poll() is None and any(ledger.glob("*.begun")):
                before = n_done(ledger)
                tally.done_at_a_kill.append(before)
                kill_one(process, cluster, generator, tally)
        _, told = process.communicate()
        if process.returncode == 0:
            return
        if process.returncode > 0:
            tally.errors.append(told.strip().splitlines()[-1])
        cluster.fill(N_NODES)
    raise SystemExit(f"it did not come through: {tally.errors[-1:]}")


def n_done(ledger: Path) -> int:
    return len(list(ledger.glob("*.json")))


def kill_one(
    process: subprocess.Popen[str], cluster: Loopback, generator: random.Random, tally: Tally
) -> None:
    (whom,) = generator.choices(list(SHARES), list(SHARES.values()))
    node = generator.choice(cluster.nodes)
    workers = node.workers()
    if whom == DRIVER:
        process.kill()
    elif whom == NODE:
        node.kill()
        cluster.fill(N_NODES)
    elif workers:
        os.kill(generator.choice(workers), signal.SIGKILL)
    else:
        return
    tally.kills[whom] += 1


if __name__ == "__main__":
    sys.exit(main())
