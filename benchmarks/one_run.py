"""One run of the benchmark, alone in its process: ``one_run.py TASK.json ANSWER.json``.

Only the module of the run's own method is imported, so that seconds and memory are its own.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

from data_sets import Split, read_folds, read_split
from gatewise.base.errors import ConfigError, GatewiseError
from gatewise.base.files import write_json
from methods import METHODS
from tasks import Outcome, Task

__all__ = ["BAD_DATA", "BAD_SETTINGS", "main"]

BAD_DATA = 2
BAD_SETTINGS = 3


def main(task_path: Path, answer_path: Path) -> int:
    """Do the run and write its answer; return the status of the process."""
    task = Task(**json.loads(task_path.read_text("utf-8")))
    try:
        with warnings.catch_warnings(record=True) as caught:
            split = _read(task)
            outcome: Outcome = importlib.import_module(METHODS[task.method].module).run(task, split)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_SETTINGS
    except GatewiseError as error:
        print(error, file=sys.stderr)
        return BAD_DATA
    told = sorted({f"{warning.category.__name__}: {warning.message}" for warning in caught})
    write_json(answer_path, _answer(split, outcome) | {"warnings": told})
    return 0


def _read(task: Task) -> Split:
    train = Path(task.train)
    if task.n_folds is not None:
        return read_folds(train, task.n_folds, task.fold or 0)
    if task.test is None:
        raise ConfigError(f"{task.name} has neither a test file nor folds")
    return read_split(train, Path(task.test))


def _answer(split: Split, outcome: Outcome) -> dict[str, Any]:
    labels = set(split.train_labels)
    return {
        "truth": split.test_labels,
        "predictions": outcome.predictions,
        "details": outcome.details,
        "records": {
            "train": len(split.train_texts),
            "test": len(split.test_texts),
            "labels": len(labels),
            "refused": split.n_refused,
            "test_label_not_in_train": sum(label not in labels for label in split.test_labels),
        },
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in _usages()),
        "peak_memory_mb": max(usage.ru_maxrss for usage in _usages()) * _RSS_UNIT / 1e6,
    }


# The largest process counts: fastText is a child of this one.
def _usages() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
