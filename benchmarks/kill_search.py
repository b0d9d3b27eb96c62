"""Kill a search at random moments, again and again, and look whether it ends with the same bytes.

    python benchmarks/kill_search.py [--kills 200] [--seed 0] [--out FILE]

A small search over the bundled tickets is run undisturbed once. Then searches are begun and killed
(SIGKILL, the driver alone or all of its processes) after a random time, and begun again in the same
folder, up to 8 times, and then left alone; its results, out-of-fold probabilities and model are
compared byte by byte with the undisturbed ones, the measured seconds set aside. A new folder is
taken, until so many kills are done.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewise.base.files import write_json
from gatewise.data import load_tickets
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "kill-search.json"
SETTINGS = {"units": "4,6", "layers": 1, "folds": 2, "workers": 2, "epochs": 2}
SETTINGS |= {"word-dimension": 8, "ngram-dimension": 4, "projection": 0, "word2vec-passes": 2}
OPTIONS = [f"--{name}={value}" for name, value in SETTINGS.items()]
N_LABELS, PATIENCE = 4, 600.0
MOST_KILLS = 8  # of one search


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    generator = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        data = write_tickets(Path(folder) / "tickets.csv")
        whole = Path(folder) / "undisturbed"
        started = time.monotonic()
        finish(begin(data, whole))
        seconds = time.monotonic() - started
        expected = contents(whole)
        n_kills, n_searches, differing, kept = 0, 0, [], []
        while n_kills < options.kills:
            out = Path(folder) / f"search-{n_searches}"
            for _ in range(generator.randint(1, MOST_KILLS)):
                if n_kills < options.kills and kill_one(data, out, generator, seconds):
                    n_kills += 1
                    kept.append(len(list(out.glob("ledger/*.json"))))
            started = time.monotonic()
            finish(begin(data, out))
            # The machine may do other work as well: kills should not come after the end.
            seconds = min(seconds, 2 * (time.monotonic() - started))
            n_searches += 1
            if contents(out) != expected:
                differing.append(n_searches)
            print(f"{n_kills} kills, {n_searches} searches, {len(differing)} differ", flush=True)
    found = {
        "kills": n_kills,
        "searches": n_searches,
        "differing": differing,
        "fits_kept_at_a_kill": {str(n): kept.count(n) for n in sorted(set(kept))},
        "undisturbed_seconds": seconds,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "joblib"]),
    }
    write_json(options.out, found)
    return bool(differing)


def write_tickets(path: Path) -> Path:
    """Take the tickets of a few queues."""
    corpus = load_tickets("train", "en")
    labels = sorted(set(corpus.labels))[:N_LABELS]
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = zip(corpus.texts, corpus.labels, strict=True)
        csv.writer(stream).writerows(
            [("text", "label"), *(row for row in rows if row[1] in labels)]
        )
    return path


def begin(data: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gatewise", "tune", str(data), "--out", str(out), *OPTIONS]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, told = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise SystemExit(f"a search ended with status {process.returncode}: {told[-500:]}")


def kill_one(data: Path, out: Path, generator: random.Random, seconds: float) -> bool:
    """Begin a search and kill it after a while; False if it came through before."""
    process = begin(data, out)
    try:
        process.wait(generator.uniform(0.0, seconds))
    except subprocess.TimeoutExpired:
        whom = process.pid if generator.random() < 0.5 else -process.pid
        os.kill(whom, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit("a search ended badly")
    return False


def contents(out: Path) -> dict[str, Any]:
    """Read what a search leaves, without the seconds that it took."""
    found: dict[str, Any] = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in [out / "oof.parquet", *sorted((out / "model").iterdir())]
    }
    rows = json.loads((out / "results.json").read_bytes())
    for row in rows:
        del row["seconds"]
        for fold in row["folds"]:
            del fold["seconds"]
    for path in sorted((out / "ledger").glob("*.json")):
        entry = json.loads(path.read_bytes())
        for name in ("seconds", "token_seconds", "companion_seconds"):
            del entry["result"][name]
        del entry["checksum"]
        found[path.name] = json.dumps(entry, sort_keys=True)
    return {**found, "results.json": rows}


if __name__ == "__main__":
    sys.exit(main())
