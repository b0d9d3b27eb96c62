"""Does the audit find wrong labels? Some are planted: at random, or those of the bundled tickets.

    python benchmarks/audit.py --data DIR --work FOLDER [--set banking77] [--share 0.05]
    python benchmarks/audit.py --work FOLDER

With a set, a share of the training file's labels is changed, each to another class drawn by lot;
what is kept is how many of them stand in the first tenth of the ranking. Without one, the bundled
tickets are audited, whose 30 wrong labels a person would make.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from data_sets import find_sets
from gatewise.base.files import write_json
from gatewise.cli.progress import open_progress
from gatewise.data import load_tickets, load_unlabelled_tickets
from gatewise.selection.auditing import audit_data
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds
from gatewise.selection.sizes import TuneRequest
from gatewise.selection.workers import Engine
from gatewise.text.corpus import read_corpus
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "audit.json"
N_FOLDS = 5
TICKETS = "tickets"
FIRST = (30, 60, 90)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="the folder of the run")
    parser.add_argument("--set", dest="name", default=TICKETS)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=0, help="0: chosen from the data")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    texts, labels, planted, unlabelled = records(options)
    data = FitData(texts, labels, make_folds(labels, N_FOLDS, seed=0), unlabelled=tuple(unlabelled))
    fixed = {"epochs": options.epochs} if options.epochs else {}
    request = TuneRequest(options.work, fixed=fixed, engine=Engine(workers=options.workers))
    started = time.perf_counter()
    with open_progress() as progress:
        audit = audit_data(data, request, progress)
    found = {
        "set": options.name,
        "seed": options.seed,
        "n_records": len(texts),
        "n_planted": len(planted),
        "n_suspects": len(audit.suspects),
        "n_flagged": sum(one.is_flagged for one in audit.suspects),
        "flagged_planted": sum(one.is_flagged for one in audit.suspects if one.row in planted),
        **hits([one.row for one in audit.suspects], planted, len(texts)),
        "seconds": time.perf_counter() - started,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "cleanlab"]),
    }
    print(json.dumps({name: found[name] for name in found if name not in ("machine", "packages")}))
    keep(options.out, found)
    return 0


def records(options: Any) -> tuple[list[str], list[str], set[int], list[str]]:
    """Give texts, labels, the rows whose label is wrong on purpose, and unlabelled texts."""
    if options.name == TICKETS:
        corpus = load_tickets("train")
        file = resources.files("gatewise.data") / "tickets.wrong_labels.csv"
        rows = csv.DictReader(file.read_text("utf-8").splitlines())
        lines = {int(row["line"]) for row in rows}
        planted = {row for row, line in enumerate(corpus.lines) if line in lines}
        return list(corpus.texts), list(corpus.labels), planted, load_unlabelled_tickets("en")
    (data_set,) = find_sets(options.data, [options.name], with_test=False)
    corpus = read_corpus(data_set.train)
    labels, classes = list(corpus.labels), sorted(set(corpus.labels))
    generator = np.random.default_rng(options.seed)
    n_wrong = round(options.share * len(labels))
    chosen = generator.choice(len(labels), n_wrong, replace=False).tolist()
    for row in chosen:
        others = [name for name in classes if name != labels[row]]
        labels[row] = others[int(generator.integers(len(others)))]
    return list(corpus.texts), labels, set(chosen), []


def hits(ranking: Sequence[int], planted: set[int], n_records: int) -> dict[str, Any]:
    def among(n_first: int) -> int:
        return sum(row in planted for row in ranking[:n_first])

    return {
        "among_first": {str(n): among(n) for n in FIRST},
        "share_in_first_tenth": among(n_records // 10) / len(planted),
    }


def keep(path: Path, found: dict[str, Any]) -> None:
    runs = json.loads(path.read_text("utf-8")) if path.exists() else []
    identity = ("set", "seed")
    runs = [run for run in runs if any(run[name] != found[name] for name in identity)]
    write_json(path, sorted([*runs, found], key=lambda run: [run[name] for name in identity]))


if __name__ == "__main__":
    sys.exit(main())
