"""What a search costs beside its fits: two workers against the same fits one after another.

    python benchmarks/search_cost.py --data DIR [--set banking77] [--epochs 3] [--out FILE]

The same candidates and folds are fitted twice in one run: by two workers with one thread each, and
by one. Both start with an empty folder. The wall time of the first is given as a share of the sum
of the second one's fits; what a unit costs beside its fit is the wall time of the second minus that
sum and minus the start of the worker, by the number of units. At 200 units the memory of the driver
is looked at as well, with units that do nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_sets import find_sets
from gatewise.base.files import write_json
from gatewise.cli.progress import open_progress
from gatewise.selection.engines import run_units
from gatewise.selection.fits import FitData
from gatewise.selection.folds import make_folds
from gatewise.selection.ledger import Unit, open_ledger
from gatewise.selection.sizes import TuneRequest, tune
from gatewise.selection.workers import Engine, open_workers
from gatewise.text.corpus import read_corpus
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "search-cost.json"
N_EMPTY = 200


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="banking77")
    parser.add_argument("--units", default="32,64,128,256")
    parser.add_argument("--layers", default="1,2")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=False)
    corpus = read_corpus(data_set.train)
    folds = make_folds(corpus.labels, options.folds, seed=0)
    data = FitData(corpus.texts, corpus.labels, folds)
    space = {
        name: [int(one) for one in getattr(options, name).split(",")]
        for name in ("units", "layers")
    }
    with tempfile.TemporaryDirectory() as folder:
        two, one = (search(data, space, Path(folder) / f"{n}", n, options.epochs) for n in (2, 1))
        empty = empty_units(Path(folder) / "empty")
    found = {
        "set": options.name,
        "epochs": options.epochs,
        "space": space,
        "n_fits": len(space["units"]) * len(space["layers"]) * options.folds,
        "two_workers": two,
        "one_worker": one,
        "wall_share": two["wall"] / one["fits"],
        "empty_units": empty,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "joblib"]),
    }
    write_json(options.out, found)
    print(
        f"{found['n_fits']} fits: {two['wall']:.0f} s by two workers, {one['wall']:.0f} s by one "
        f"({one['fits']:.0f} s of them in fits); share {found['wall_share']:.2f}; an empty unit "
        f"costs {1e3 * empty['seconds_per_unit']:.0f} ms; the driver grew by "
        f"{empty['driver_growth_mb']:.1f} MB over {N_EMPTY} of them"
    )
    return 0


def search(
    data: FitData, space: dict[str, list[int]], out: Path, n_workers: int, epochs: int
) -> dict[str, float]:
    request = TuneRequest(
        out,
        space,
        {"epochs": epochs},
        drop=False,
        final=False,
        engine=Engine(workers=n_workers),
    )
    started = time.perf_counter()
    with open_progress() as progress:
        found = tune(data, request, progress)
    wall = time.perf_counter() - started
    fits = sum(fold.seconds for one in found.results for fold in one.folds)
    return {"wall": wall, "fits": fits}


def empty_units(out: Path) -> dict[str, float]:
    """Measure units that compute nothing and return what a fit does, after a warm start."""
    units = [Unit({"number": number}) for number in range(N_EMPTY + 2)]
    with open_ledger(out, {}) as ledger, open_workers(Engine(workers=2), None) as workers:
        run_units(units[:2], _nothing, ledger, workers=workers)
        before = _resident_mb()
        started = time.perf_counter()
        run_units(units, _nothing, ledger, workers=workers)
        seconds = time.perf_counter() - started
        return {
            "seconds_per_unit": 2 * seconds / N_EMPTY,  # two at a time
            "driver_growth_mb": _resident_mb() - before,
        }


def _nothing(_data: Any, unit: Unit) -> dict[str, Any]:
    # As large as the result of a fold of banking77 is.
    return {"number": unit.facts["number"], "scores": os.urandom(800_000).hex()}


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e3


if __name__ == "__main__":
    sys.exit(main())
