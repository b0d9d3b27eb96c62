"""Runs one command of gatewise and writes down what each of its stages took: see scale.py."""

from __future__ import annotations

import functools
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatewise.cli.main import run as gatewise

# Where a stage is done; one inside another counts in both.
STAGES = {
    "read": "gatewise.classify.training_data:read_training_data",
    "vocabulary": "gatewise.classify.fitting:_Fit._vocabulary",
    "word2vec": "gatewise.classify.fitting:own_vectors",
    "network": "gatewise.classify.fitting:_Fit._train",
    "companion": "gatewise.classify.fitting:_Fit._companion",
    "index": "gatewise.classify.fitting:_Fit._index",
    "save": "gatewise.store.training_run:save",
}
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Stages:
    """Measures functions by their names."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self.peak_mb = 0.0

    def wrap(self, place: str, name: str) -> None:
        """Replace a function by itself, measured."""
        module, _, path = place.partition(":")
        *owners, attribute = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        function: Callable[..., Any] = getattr(owner, attribute)

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            self.begin()
            result = function(*args, **kwargs)
            self._add(name, time.perf_counter() - wall, time.process_time() - cpu, peak_mb())
            return result

        setattr(owner, attribute, measured)

    def begin(self) -> None:
        """Remember the peak so far, and let it start anew."""
        self.peak_mb = max(self.peak_mb, peak_mb())
        if _RESET.exists():
            _RESET.write_text("5")

    def _add(self, name: str, wall: float, cpu: float, peak: float) -> None:
        one = self.found.setdefault(name, {"wall": 0.0, "cpu": 0.0, "peak_mb": 0.0})
        one["wall"] += wall
        one["cpu"] += cpu
        one["peak_mb"] = max(one["peak_mb"], peak)
        self.peak_mb = max(self.peak_mb, peak)


def peak_mb() -> float:
    """Get the most memory held since the peak was set back, in 10**6 bytes."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def run(out: Path, command: list[str]) -> int:
    """Run a command, and write what was measured."""
    stages = Stages()
    if command[0] == "train":  # the others need not load all of this
        for name, place in STAGES.items():
            stages.wrap(place, name)
    sys.argv = ["gatewise", *command]
    started, cpu = time.perf_counter(), time.process_time()
    code = 0
    try:
        gatewise()
    except SystemExit as stop:
        code = int(stop.code or 0)
    stages.begin()
    found = {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "peak_mb": stages.peak_mb,
        "stages": stages.found,
    }
    out.write_text(json.dumps(found))
    return code


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
