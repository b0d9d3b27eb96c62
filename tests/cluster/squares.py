"""Work that tells who does it, and how often. The nodes import it from here."""

import os
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Data:
    """Tells which processes unpack it."""

    folder: Path

    def __reduce__(self):
        return received, (self.folder,)

    def receivers(self):
        return lines_of(self.folder / "received")


def received(folder):
    note(folder / "received", os.getpid())
    return Data(folder)


class Foreign:
    """Of a package that the nodes do not have."""

    def __reduce__(self):
        return import_module, ("nowhere",)


@dataclass(frozen=True)
class Work:
    """Squares, slowly."""

    folder: Path
    seconds: float = 0.0

    def __call__(self, data, unit):
        number = unit.facts["number"]
        note(self.folder / "begun", f"{number} {os.getpid()}")
        time.sleep(self.seconds)
        return {"square": number**2, "limits": [os.environ.get(name) for name in LIMITS]}

    def begun(self):
        """Number and process, in the order in which they were begun."""
        return [tuple(map(int, line.split())) for line in lines_of(self.folder / "begun")]


def note(path, value):
    with path.open("a") as stream:
        stream.write(f"{value}\n")


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []
