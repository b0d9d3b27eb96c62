"""How fast all of it is, beside what people would use instead, in one run on the same cores.

    python benchmarks/speed.py --data DIR [--set NAME ...] [--sections a,b,c,d,e,f] [--threads 2]
                               [--tensorflow-python PATH] [--jax-python PATH] [--out FILE]

a   from the file to a model as good as the forum question's recipe ends with, in Keras and here
b   training records per second of one architecture: here, torch with packing, Keras
c   texts scored per second: from file to file, in memory, ONNX Runtime, torch, Keras
d   the matrix product's peak, and the LSTM alone as a share of it
e   tokens and word2vec's words per second
f   where the time of a training step goes, at defaults

Keras runs in interpreters of its own, which need the packages keras and tensorflow-cpu, or keras
and jax; without --tensorflow-python or --jax-python that backend is left out. Results are added to
the file one by one; the same again takes the place of what was there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from data_sets import DataSet, find_sets
from gatewise import read_corpus
from gatewise.base.errors import ConfigError
from run_store import RunStore
from speed_common import BACKENDS, Bench, make_sample
from speed_machine import measure_lstm, measure_text
from speed_profile import measure_profile
from speed_recipe import measure_recipe
from speed_scoring import measure_keras_scoring, measure_scoring
from speed_training import measure_training

RESULTS = Path(__file__).parent / "results" / "speed.json"
SECTIONS = "abcdef"
SETS = ["banking77", "20ng"]
MAX_LENGTH = 200  # tokens read of a text, as at defaults
RECIPE_SET = "banking77"  # padded to the longest text, the others would take hours


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    sections = options.sections.split(",")
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise ConfigError(f"there is no section {unknown[0]!r}; they are {', '.join(SECTIONS)}")
    _use_cores(options.threads)
    pythons = {name: getattr(options, f"{name}_python") for name in BACKENDS}
    bench = Bench(
        RunStore(options.out),
        threads=options.threads,
        rounds=options.rounds,
        records=options.records,
        pythons={name: path for name, path in pythons.items() if path},
    )
    sets = find_sets(options.data, options.sets or SETS, with_test=True)
    if "d" in sections:
        measure_lstm(bench)
    for data_set in sets:
        if "a" in sections and data_set.name == options.recipe_set:
            measure_recipe(bench, data_set, epochs=options.recipe_epochs)
        _measure_set(bench, data_set, sections)
    return 0


def _measure_set(bench: Bench, data_set: DataSet, sections: Sequence[str]) -> None:
    corpus = read_corpus(data_set.train, text_column="text", label_column="label")
    texts, labels = list(corpus.texts), list(corpus.labels)
    sample = make_sample(texts, labels, bench.records, MAX_LENGTH, bench.seed)
    if "b" in sections:
        measure_training(bench, data_set.name, sample)
    if "c" in sections:
        measure_scoring(bench, data_set)
        measure_keras_scoring(bench, data_set.name, sample)
    if "e" in sections:
        measure_text(bench, data_set.name, texts)
    if "f" in sections:
        measure_profile(bench, data_set.name, texts, labels)


def _use_cores(threads: int) -> None:
    """Keep this process and all that it starts to so many cores, where the system can."""
    torch.set_num_threads(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--set", dest="sets", action="append", help="default: banking77, 20ng")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1024, help="texts of a timed epoch")
    parser.add_argument("--recipe-set", default=RECIPE_SET, help="of section a")
    parser.add_argument("--recipe-epochs", type=int, default=8, help="of Keras in section a")
    for name in BACKENDS:
        parser.add_argument(f"--{name}-python", help=f"an interpreter with Keras and {name}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
