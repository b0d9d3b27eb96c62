"""Accuracy, seconds and memory of gatewise and its peers, on data sets of your own.

    python benchmarks/accuracy.py --data DIR

DIR holds NAME.train.csv and NAME.test.csv (or .csv.gz) with the columns text and label. Each
run is a process of its own; what it measured is kept in the results file at once, and is not
measured again by the next call. Linux and macOS.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_sets import FOLD_SEED, DataSet, find_sets
from fasttext_peer import FasttextMissingError, environment_python, make_environment
from gatewise.base.errors import ConfigError, GatewiseError
from machine import machine_facts, package_versions, source_digest
from measure import RunFailedError, measure
from methods import METHODS
from run_store import RunStore, key_of
from table import results_table, run_line
from tasks import Task

__all__ = ["main"]

_HERE = Path(__file__).parent
_PYTHON_WORDS = {"None": None, "True": True, "False": False}
_STOPPED = 130  # as a shell says it of a command that ctrl-C ended
_SETTLED = ("recipe", "random_state")  # by the method and by the seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 0, 1 if a run failed, 2 if it cannot be run as asked."""
    options = _parser().parse_args(arguments)
    options.parameters = dict(options.parameters)
    if options.seeds is None:
        options.seeds = 1 if options.folds else 3
    try:
        return Benchmark(options).run()
    except KeyboardInterrupt:
        return _STOPPED
    except GatewiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


class Benchmark:
    """All runs that were asked for, and what became of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.sets = find_sets(options.data, options.sets, with_test=options.folds is None)
        self.store = RunStore(options.out)
        self.machine = machine_facts()
        self.fingerprints = {chosen.name: chosen.fingerprint() for chosen in self.sets}
        pairs = itertools.product([chosen.name for chosen in self.sets], options.methods)
        self.groups: dict[tuple[str, str], list[dict[str, Any]]] = {pair: [] for pair in pairs}
        self.remarks: dict[tuple[str, str], str] = {}
        self.notes: dict[str, None] = {}  # a set that keeps the order
        self.fasttext_versions: dict[str, str] = {}

    def run(self) -> int:
        """Do what is not there yet, and print the table, also when stopped in between."""
        self._prepare_fasttext()
        failed = stopped = False
        tasks = self._tasks()
        try:
            for number, task in enumerate(tasks, 1):
                print(f"[{number}/{len(tasks)}] {task.name}: ", end="", flush=True)
                failed |= not self._run_or_find(task)
        except KeyboardInterrupt:
            stopped = True
            print("stopped; the same command goes on from here")
        print("", results_table(self.groups, self.remarks), "", *self.notes, sep="\n")
        print(f"results: {self.store.path}")
        return _STOPPED if stopped else int(failed)

    def _prepare_fasttext(self) -> None:
        """Make fastText's environment if a method needs it, or note why that cannot be."""
        wanted = [name for name in self.options.methods if METHODS[name].needs_fasttext]
        if not wanted:
            return
        try:
            self.fasttext_versions = make_environment(self.options.fasttext_environment)
        except FasttextMissingError as error:
            for name in wanted:
                self.store.skip(name, f"fastText cannot be installed: {error}")
                self.remarks |= {group: "skipped" for group in self.groups if group[1] == name}
                self._note(f"{name} was skipped: fastText cannot be installed: {error}")

    def _tasks(self) -> list[Task]:
        """List the runs, one seed after the other, so that a stopped benchmark has each row."""
        options = self.options
        folds = range(options.folds) if options.folds else (None,)
        return [
            self._task(chosen, method, seed, fold)
            for seed, chosen, fold, method in itertools.product(
                range(options.seeds), self.sets, folds, options.methods
            )
            if self.remarks.get((chosen.name, method)) != "skipped"
        ]

    def _task(self, chosen: DataSet, name: str, seed: int, fold: int | None) -> Task:
        method = METHODS[name]
        given = self.options.parameters if method.takes_parameters else {}
        python = environment_python(self.options.fasttext_environment)
        return Task(
            data_set=chosen.name,
            method=name,
            seed=seed,
            train=str(chosen.train),
            test=str(chosen.test) if chosen.test else None,
            n_folds=self.options.folds,
            fold=fold,
            threads=self.options.threads,
            settings={**given, **method.settings},
            fasttext_python=str(python) if method.needs_fasttext else None,
        )

    def _run_or_find(self, task: Task) -> bool:
        """Measure a run, or take it from the results; return whether there is a result."""
        identity = self._identity(task)
        run = None if self.options.again else self.store.find(key_of(identity))
        if run is not None:
            print(f"already there: {run_line(run)}")
            self._compare(run)
        elif run := self._measured(task, identity):
            print(run_line(run))
        else:
            return False
        self._note_records(run)
        self.groups[task.data_set, task.method].append(run)
        return True

    def _measured(self, task: Task, identity: dict[str, Any]) -> dict[str, Any] | None:
        """Measure a run and keep it; None if it failed."""
        started = {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "load_average": os.getloadavg()[0],
            "source": source_digest(METHODS[task.method].source),
        }
        try:
            run = {**identity, **started, **measure(task), "key": key_of(identity)}
        except ConfigError:
            print("not possible", flush=True)
            raise
        except RunFailedError as error:
            print(f"FAILED: {error}")
            self.remarks[task.data_set, task.method] = "failed"
            self._note(f"{task.name} failed: {error}")
            return None
        self.store.add(run, self.machine)
        return run

    def _identity(self, task: Task) -> dict[str, Any]:
        """All that makes a run another one; a run with the same is not repeated."""
        facts = dataclasses.asdict(task)
        for place in ("train", "test", "fasttext_python"):
            del facts[place]
        method = METHODS[task.method]
        versions = package_versions(method.packages)
        versions |= self.fasttext_versions if method.needs_fasttext else {}
        return {
            **facts,
            "fold_seed": FOLD_SEED if task.n_folds else None,
            "data": self.fingerprints[task.data_set],
            "versions": versions,
        }

    def _compare(self, run: dict[str, Any]) -> None:
        """Say what a run that is taken from the results has not in common with a new one."""
        if run["source"] != source_digest(METHODS[run["method"]].source):
            self._note(
                f"{run['method']}: runs of {run['date'][:10]} are of another state of gatewise's "
                "source; --again redoes them"
            )
        if run["machine"] != key_of(self.machine):
            self._note(
                f"{run['method']}: runs of {run['date'][:10]} were made on another machine, so "
                "seconds, and last digits of accuracy, do not compare; --again redoes them"
            )

    def _note_records(self, run: dict[str, Any]) -> None:
        records, name = run["records"], run["data_set"]
        if records["refused"]:
            self._note(f"{name}: {records['refused']:,} records without text or label left out")
        if records["test_label_not_in_train"]:
            self._note(
                f"{name}: {records['test_label_not_in_train']:,} test records have a label that "
                "no training record has; they count as wrong for every method"
            )

    def _note(self, text: str) -> None:
        self.notes[text] = None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="NAME.train.csv, NAME.test.csv")
    add("--sets", type=_names, metavar="A,B", help="default: all of DIR")
    add("--methods", type=_methods, default=[*METHODS], metavar="A,B", help=", ".join(METHODS))
    add("--seeds", type=_at_least(1), metavar="N", help="default: 3, with --folds 1")
    add(
        "--folds",
        type=_at_least(2),
        metavar="K",
        help="cross-validate on the training files; test files are not read",
    )
    add("--threads", type=_at_least(1), default=2, metavar="N", help="of each run, default 2")
    add(
        "--set",
        type=_parameter,
        action="append",
        default=[],
        dest="parameters",
        metavar="KEY=VALUE",
        help="a parameter of TextClassifier, for gatewise and classic; again for more",
    )
    add("--out", type=Path, default=_HERE / "results" / "accuracy.json", metavar="FILE")
    add("--again", action="store_true", help="redo the runs that are there already")
    add(
        "--fasttext-environment",
        type=Path,
        default=_HERE / ".fasttext-env",
        metavar="FOLDER",
        help="made if it is not there",
    )
    return parser


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; leave the option away for all")
    return names


def _methods(text: str) -> list[str]:
    names = _names(text)
    for name in names:
        if name not in METHODS:
            allowed = ", ".join(METHODS)
            raise argparse.ArgumentTypeError(f"{name!r} is no method; allowed are {allowed}")
    return names


def _at_least(lowest: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from {lowest} on")
        return int(text)

    return whole_number


def _parameter(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; the value is JSON, a word of Python, or else text."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, for example epochs=5")
    if key in _SETTLED:
        raise argparse.ArgumentTypeError(f"{key} is settled by --methods and --seeds")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, _PYTHON_WORDS.get(value, value)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # Asked to end, it ends its runs too, instead of leaving them alone with the processor.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
