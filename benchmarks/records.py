"""What changes with the number of records: units, word vectors and the LSTM's worth.

    python benchmarks/records.py --data DIR [--set shopping_zh] [--sizes 200,2000,20000]

For each number of records, a stratified part of the training file goes through ``gatewise tune``
(units 16, 64 and 256) and ``gatewise compare``, 3 folds each (2 of 10,000 records and more). The
test file is not read. A run that was killed goes on with ``--work`` naming the same folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.model_selection import train_test_split

from data_sets import find_sets
from gatewise.base.files import write_json
from gatewise.cli.progress import open_progress
from gatewise.selection.comparison import METHODS as COMPARED
from gatewise.selection.comparison import CompareRequest, compare
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds
from gatewise.selection.sizes import TuneRequest, tune
from gatewise.selection.workers import Engine
from gatewise.text.corpus import read_corpus
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results"
UNITS = [16, 64, 256]
METHODS = [method.key for method in COMPARED if method.key != "classic"]  # it takes hours
MANY = 10_000  # records: fewer folds tell as much, and frozen vectors and averages are left out
N_FOLDS, N_FOLDS_OF_MANY = 3, 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="shopping_zh")
    parser.add_argument("--sizes", default="200,2000,20000")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=0, help="0: chosen from the data")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=False)
    corpus = read_corpus(data_set.train)
    found = {
        "set": options.name,
        "files": data_set.fingerprint(),
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "gensim", "scikit-learn"]),
        "sizes": [],
    }
    for size in map(int, options.sizes.split(",")):
        texts, labels = part_of(corpus.texts, corpus.labels, size)
        n_folds = N_FOLDS if len(texts) < MANY else N_FOLDS_OF_MANY
        data = FitData(texts, labels, make_folds(labels, n_folds, seed=0))
        one = judge(data, options.work / f"{size}", options.workers, options.epochs)
        found["sizes"].append({"n_records": len(texts), "n_folds": n_folds, **one})
        write_json(options.out or RESULTS / f"records-{options.name}.json", found)
        show(found["sizes"][-1])
    return 0


def part_of(texts: Sequence[str], labels: Sequence[str], size: int) -> tuple[list[str], list[str]]:
    """Take so many records, each class in proportion, always the same ones."""
    if size >= len(texts):
        return list(texts), list(labels)
    rows, _ = train_test_split(
        range(len(texts)), train_size=size, stratify=labels, random_state=0, shuffle=True
    )
    return [texts[row] for row in sorted(rows)], [labels[row] for row in sorted(rows)]


def judge(data: FitData, work: Path, workers: int, epochs: int) -> dict[str, Any]:
    fixed = {"epochs": epochs} if epochs else {}
    engine = Engine(workers=workers)
    with open_progress() as progress:
        request = TuneRequest(
            work / "tune", {"units": UNITS}, fixed, drop=False, final=False, engine=engine
        )
        sizes = tune(data, request, progress)
        slow = ("modern-frozen", "lstm-frozen", "averages") if len(data.texts) >= MANY else ()
        methods = [key for key in METHODS if key not in slow]
        parts = compare(
            data,
            CompareRequest(work / "compare", fixed, methods=methods, curve=False, engine=engine),
            progress,
        )
    return {
        "units": [
            {
                "units": one.params["units"],
                "mean": one.mean,
                "standard_error": one.standard_error,
                "lstm": one.part_mean("lstm"),
            }
            for one in sizes.results
        ],
        "chosen": sizes.results[sizes.choice.chosen].params["units"],
        "reason": sizes.choice.reason,
        "methods": [
            {
                "method": one.params["method"],
                "mean": one.mean,
                "standard_error": one.standard_error,
            }
            for one in parts.results
        ],
        "pairs": [pair.to_plain() for pair in parts.pairs],
        "conclusion": parts.conclusion,
    }


def show(found: dict[str, Any]) -> None:
    print(f"\n{found['n_records']:,} records; {found['chosen']} units are chosen")
    for row in found["units"]:
        print(
            f"  {row['units']:>4} units  {row['mean']:.2%} +- {row['standard_error']:.2%}, "
            f"LSTM alone {row['lstm']:.2%}"
        )
    for row in found["methods"]:
        print(f"  {row['method']:<14} {row['mean']:.2%} +- {row['standard_error']:.2%}")
    print(f"  {found['conclusion']}")


if __name__ == "__main__":
    sys.exit(main())
