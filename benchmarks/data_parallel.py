"""Whether several workers train the same network as one, and when they are sooner.

    python benchmarks/data_parallel.py [--data FILE] [--epochs N] [--ways WAY ...] [--out FILE]

On one file of labelled texts (columns text and label; by default the bundled tickets), with the
recipe modern in float32, word vectors that start at random, texts that are not moved, and nothing
held out:

    curves    the loss of every epoch: one process; the same with starting weights that differ in
              their last digit, which shows what rounding alone does; one process that computes the
              shares of two workers in turn; two workers of a Ray cluster on this machine. With the
              recipe's pooling, which takes maxima, and with means alone.
    speed     records a second of one process with two threads, of one with one thread, and of two
              workers with one thread each, that is, on the same two cores; all in turn, so many
              rounds, the median epoch counts. For several batch sizes.
    steps     seconds of a step of one process with one thread, and the bytes that each worker would
              hand over in it, for many batch sizes: what the arithmetic for other networks starts
              from.

The nodes of the cluster are started before; the start of the workers is not timed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from gatewise import TextClassifier, read_corpus
from gatewise.base.files import write_json
from gatewise.data import load_tickets
from gatewise.network.exchange import ProcessGroup
from gatewise.network.shares import training_in_shares
from gatewise.network.training import EpochResult, TrainNetwork, train_network
from gatewise.selection.ray_training import open_ray_training
from gatewise.text.corpus import Corpus
from loopback import ray_nodes
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "data-parallel.json"
PACKAGES = ("gatewise", "torch", "numpy", "ray")
WORKERS = 2
ONE, ONE_THREAD, NUDGED, IN_SHARES, TOGETHER = (
    "one process, 2 threads",
    "one process, 1 thread",
    "one process, other last digits",
    "one process, 2 shares in turn",
    "2 workers, 1 thread each",
)
CURVES, SPEED = (ONE_THREAD, NUDGED, IN_SHARES, TOGETHER), (ONE, ONE_THREAD, IN_SHARES, TOGETHER)
POOLINGS = ("max-mean", "mean")
BATCHES = (64, 512)
STEPS = (8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    Attributes
    ----------
    corpus : Corpus
        The records.
    address : str
        Of the cluster; empty if there is none.
    epochs : int
        Of the curves.
    """

    corpus: Corpus
    address: str
    epochs: int

    def fit(self, way: str, **settings: Any) -> list[EpochResult]:
        """Train in one of the ways."""
        torch.set_num_threads(2 if way == ONE else 1)
        with self._trainer(way) as trainer:
            return self.train(trainer, **settings)

    def train(self, trainer: TrainNetwork, **settings: Any) -> list[EpochResult]:
        """Train by this function."""
        classifier = TextClassifier(
            embedding="random",
            companion=False,
            final_epochs=0,
            adversarial=0.0,
            validation_fraction=0,
            precision="float32",
            device="cpu",
            **settings,
        )
        classifier.fit(self.corpus.texts, self.corpus.labels, trainer=trainer)
        history: list[EpochResult] = classifier.model_.history
        return history

    @contextlib.contextmanager
    def _trainer(self, way: str) -> Iterator[TrainNetwork]:
        if way == TOGETHER:
            with open_ray_training(self.address, WORKERS) as training:
                yield training
        else:
            yield {NUDGED: _nudged, IN_SHARES: training_in_shares(WORKERS)}.get(way, train_network)


def _nudged(network: Any, *arguments: Any, **settings: Any) -> list[EpochResult]:
    """Train from weights each of which is the next larger number of float32."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.nextafter(weight, torch.full_like(weight, torch.inf)))
    return train_network(network, *arguments, **settings)


def curves(bench: Bench, ways: Sequence[str]) -> list[dict[str, Any]]:
    """Measure the loss of every epoch."""
    return [
        {
            "pooling": pooling,
            "way": way,
            "losses": [
                epoch.loss
                for epoch in bench.fit(way, pooling=pooling, epochs=bench.epochs, batch_size=64)
            ],
        }
        for pooling in POOLINGS
        for way in CURVES
        if way in ways
    ]


def speed(bench: Bench, ways: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Measure records a second, all ways in turn."""
    chosen = [way for way in SPEED if way in ways]
    seconds: dict[tuple[int, str], list[float]] = {
        (batch, way): [] for batch in BATCHES for way in chosen
    }
    for _ in range(rounds):
        for batch, way in seconds:
            history = bench.fit(way, epochs=3, batch_size=batch)
            seconds[batch, way] += [epoch.seconds for epoch in history[1:]]  # the first warms up
    n_records = len(bench.corpus.texts)
    return [
        {
            "batch": batch,
            "way": way,
            "records_per_second": n_records / statistics.median(found),
            "rounds": [n_records / one for one in found],
        }
        for (batch, way), found in seconds.items()
    ]


def steps(bench: Bench) -> list[dict[str, Any]]:
    """Measure a step's time, and what a worker would hand over in it."""
    found = []
    for batch in STEPS:
        n_steps = -(-len(bench.corpus.texts) // batch)
        history = bench.fit(ONE_THREAD, epochs=2, batch_size=batch)
        with _group() as group:
            bench.train(_by(group), epochs=1, batch_size=batch)
        found.append(
            {
                "batch": batch,
                "seconds": history[-1].seconds / n_steps,
                "summed_bytes": group.n_bytes["summed"] / n_steps,
                "copied_bytes": group.n_bytes["copied"] / n_steps,
            }
        )
    return found


@contextlib.contextmanager
def _group() -> Iterator[ProcessGroup]:
    """Make a group of this process alone: it touches the rows that all workers touch together."""
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        distributed.init_process_group("gloo", init_method=meeting, rank=0, world_size=1)
        try:
            yield ProcessGroup()
        finally:
            distributed.destroy_process_group()


def _by(group: ProcessGroup) -> Callable[..., list[EpochResult]]:
    return lambda *arguments, **settings: train_network(*arguments, **settings, exchange=group)


def _tickets() -> Corpus:
    return load_tickets("train")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    data = arguments.data
    corpus = read_corpus(data, text_column="text", label_column="label") if data else _tickets()
    needs_cluster = TOGETHER in arguments.ways
    with ray_nodes(WORKERS) if needs_cluster else contextlib.nullcontext() as cluster:
        bench = Bench(corpus, cluster.address if cluster else "", arguments.epochs)
        return {
            "machine": machine_facts(),
            "versions": package_versions(PACKAGES),
            "data": data.stem if data else "bundled tickets",
            "records": len(corpus.texts),
            "curves": curves(bench, arguments.ways),
            "speed": speed(bench, arguments.ways, arguments.rounds),
            "steps": steps(bench),
        }


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    ways = sorted({*CURVES, *SPEED})
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args(words)
    found = measure(arguments)
    write_json(arguments.out, found)
    print(json.dumps({name: found[name] for name in ("curves", "speed", "steps")}, indent=1))


if __name__ == "__main__":
    main()
