"""What tuning brings: candidates cross-validated on the training file, the chosen one on the test.

    python benchmarks/tuned.py --data DIR --work FOLDER [--set banking77] [--units A,B]

The test file is read once, by the chosen model. A run that was killed goes on with ``--work``
naming the same folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from data_sets import find_sets
from gatewise import load
from gatewise.base.files import write_json
from gatewise.cli.progress import open_progress
from gatewise.evaluate.evaluation import evaluate
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds
from gatewise.selection.results import RESULTS, SUMMARY
from gatewise.selection.sizes import TuneRequest, tune
from gatewise.selection.workers import Engine
from gatewise.text.corpus import read_corpus
from machine import machine_facts, package_versions

KEPT = Path(__file__).parent / "results"
N_FOLDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="the folder of the run")
    parser.add_argument("--set", dest="name", default="banking77")
    parser.add_argument("--units", default="32,64,128,256")
    parser.add_argument("--layers", default="1,2")
    parser.add_argument("--epochs", type=int, default=0, help="0: chosen from the data")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=True)
    corpus = read_corpus(data_set.train)
    data = FitData(corpus.texts, corpus.labels, make_folds(corpus.labels, N_FOLDS, seed=0))
    space = {name: numbers(getattr(options, name)) for name in ("units", "layers")}
    fixed = {"epochs": options.epochs} if options.epochs else {}
    engine = Engine(workers=options.workers)
    with open_progress() as progress:
        found = tune(
            data, TuneRequest(options.work, space, fixed, drop=False, engine=engine), progress
        )
        if found.model is None or data_set.test is None:
            raise SystemExit("there is no model, or no test file")
        test = read_corpus(data_set.test, min_labels=1)
        scores = evaluate(load(found.model), test.texts, test.labels, progress=progress)
    kept = {
        "set": options.name,
        "files": data_set.fingerprint(),
        "rows": json.loads((options.work / RESULTS).read_bytes()),
        "summary": json.loads((options.work / SUMMARY).read_bytes()),
        "test": {name: part and part.accuracy for name, part in scores.parts.items()},
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "gensim", "scikit-learn"]),
    }
    write_json(options.out or KEPT / f"tune-{options.name}.json", kept)
    print(found.choice.reason)
    print(f"on the test file: {scores.blend.accuracy:.2%}, LSTM alone {scores.lstm.accuracy:.2%}")
    return 0


def numbers(typed: str) -> list[int]:
    return [int(one) for one in typed.split(",")]


if __name__ == "__main__":
    sys.exit(main())
