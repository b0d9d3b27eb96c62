"""Does a damaged model ever load? Single bits are flipped, and files are cut or exchanged.

    python benchmarks/flip_bits.py [--flips 10000] [--model FOLDER]

Each time a copy of a small saved model is damaged in one place, and read both with torch and
without. Whatever loads, or ends in another error than ModelFileError, is counted and named.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatewise import TextClassifier, load, load_plain, load_predictor, save
from gatewise.base.errors import ModelFileError
from gatewise.base.files import write_json
from gatewise.data import load_tickets
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "flip-bits.json"
SMALL: dict[str, Any] = {"units": 4, "word_dimension": 8, "ngram_dimension": 4, "projection": 0}
SMALL |= {"epochs": 1, "word2vec_passes": 1}
N_RECORDS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--model", type=Path, help="a saved model; else a small one is trained")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        if options.model:
            shutil.copytree(options.model, model)
        else:
            train(model)
        found = flip(model, options.flips, random.Random(options.seed))
    found |= {
        "seconds": time.perf_counter() - started,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "safetensors", "onnxruntime"]),
    }
    write_json(options.out, found)
    print(json.dumps({name: found[name] for name in ("flips", "refused", "others")}))
    return 1 if found["others"] else 0


def train(folder: Path) -> None:
    tickets = load_tickets("train")
    classifier = TextClassifier(**SMALL, keep_texts=True)
    save(classifier.fit(tickets.texts[:N_RECORDS], tickets.labels[:N_RECORDS]), folder)


def flip(model: Path, n_flips: int, draw: random.Random) -> dict[str, Any]:
    """Damage one place after the other, each time mending the last one."""
    files = sorted(path for path in model.iterdir() if path.is_file())
    kept = {path: path.read_bytes() for path in files}
    readers: list[Callable[[Path], Any]] = [load_plain, load_predictor]
    refused: Counter[str] = Counter()
    others: list[str] = []
    for number in range(n_flips):
        # Small files are as often hit as large ones, and headers as often as what is behind them.
        path = draw.choice(files)
        content = bytearray(kept[path])
        end = len(content) if draw.random() < 0.5 else min(len(content), 4096)
        place, bit = draw.randrange(end), draw.randrange(8)
        content[place] ^= 1 << bit
        path.write_bytes(content)
        # torch's own reading takes longer and follows the same checks.
        for reader in [*readers, load] if number % 20 == 0 else readers:
            what = f"{path.name}, byte {place}, bit {bit}, {reader.__name__}"
            others += outcome(reader, model, what)
        refused[path.name] += 1
        path.write_bytes(kept[path])
    load(model)  # it was mended each time
    return {"flips": n_flips, "refused": dict(refused), "others": others}


def outcome(reader: Callable[[Path], Any], model: Path, what: str) -> list[str]:
    try:
        reader(model)
    except ModelFileError:
        return []
    except Exception as error:  # that is what is looked for
        return [f"{what}: {type(error).__name__}: {error}"]
    return [f"{what}: it loads"]


if __name__ == "__main__":
    sys.exit(main())
