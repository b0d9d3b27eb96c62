"""What the companion's limit costs: its accuracy by the number of records that it learns from.

    python benchmarks/companion_records.py --data DIR [--set shopping_zh] [--sizes 10000,...]

The first of five stratified folds of the training file is measured on; so many records of the other
four, drawn as a fit draws them, are learnt from.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_sets import FOLD_SEED, find_sets
from gatewise.base.files import write_json
from gatewise.classify.companion import count_ngrams
from gatewise.classify.companion_records import COSTS
from gatewise.classify.inputs import find_classes
from gatewise.classify.plan import companion_config
from gatewise.classify.records import draw_records
from gatewise.selection.folds import make_folds
from gatewise.text.corpus import read_corpus
from gatewise.text.tokens import tokenize
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "companion-records.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="shopping_zh")
    parser.add_argument("--sizes", default="5000,10000,20000,40000")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=False)
    corpus = read_corpus(data_set.train)
    tokens = [tokenize(text) for text in corpus.texts]
    classes, targets = find_classes(np.array(corpus.labels))
    fold = make_folds(corpus.labels, 5, seed=FOLD_SEED).folds[0]
    rows = []
    for size in map(int, options.sizes.split(",")):
        drawn = fold.train[draw_records(targets[fold.train], size, np.random.default_rng(0))]
        rows.append(measure(tokens, targets, drawn, fold.test, len(classes)))
        found = {"set": options.name, "rows": rows, "machine": machine_facts()}
        found["packages"] = package_versions(["gatewise", "scikit-learn"])
        write_json(options.out, found)
        print(f"{rows[-1]['records']:,} records: {rows[-1]['accuracies']}", flush=True)
    return 0


def measure(
    tokens: Sequence[Sequence[str]], targets: Any, train: Any, test: Any, n_classes: int
) -> dict[str, Any]:
    """Fit a companion to some records, at each cost of errors, and measure it on others."""
    started = time.process_time()
    config = companion_config(n_classes)
    counted = count_ngrams([tokens[row] for row in train], config)
    accuracies = {}
    for cost in COSTS:
        model = counted.fit(targets[train], replace(config, cost=cost), n_classes=n_classes, seed=0)
        found = model.scores([tokens[row] for row in test]).argmax(axis=1)
        accuracies[f"{cost:g}"] = float((found == targets[test]).mean())
    seconds = time.process_time() - started
    return {"records": len(train), "accuracies": accuracies, "cpu": seconds}


if __name__ == "__main__":
    sys.exit(main())
