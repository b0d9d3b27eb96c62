"""Time and memory of every stage by the number of records, from a thousand to a million.

    python benchmarks/scale.py --data DIR [--set clinc150] [--sizes 1000,...] [--out FILE]

The records are made of those of a data set, the same ones every time: halves of two records of one
class are joined, one word in ten is left out, and in one word in fifty a letter is another one, so
that new words keep coming as they do in real texts. For each size a fresh process runs
`gatewise train --cache DIR --epochs 1 --final-epochs 0` and another one `gatewise predict` on the
same file; what each stage took, and the most memory that the process held in it, is written down by
the process itself. The exponent is the slope of the logarithms from the first size of 10,000 or
more to the last one: 1 is time in proportion to the records. It is of the processor's time, which
other work on the machine changes least.

What is kept of sizes that were measured before stays in the file of results.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import shutil
import string
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data_sets import find_sets
from gatewise.base.files import write_json
from gatewise.text.corpus import Corpus, read_corpus
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "scale.json"
WORKER = Path(__file__).with_name("scale_worker.py")
SIZES = "1000,10000,100000,1000000"
SETTINGS = "--epochs 1 --final-epochs 0"
PACKAGES = ["gatewise", "torch", "gensim", "scikit-learn", "numpy", "onnxruntime"]
LEFT_OUT, MISSPELT = 0.1, 0.02
LETTERS = string.ascii_lowercase
FROM = 10_000  # below it most time is the start of the process


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="clinc150")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--settings", default=SETTINGS, help="options of gatewise train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=False)
    corpus = read_corpus(data_set.train)
    common = {"set": options.name, "settings": options.settings, "seed": options.seed}
    rows = _kept(options.out, common)
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="gatewise-scale-") as folder:
            rows[size] = measure(corpus, size, options.seed, options.settings.split(), Path(folder))
        found = common | {
            "rows": [rows[one] for one in sorted(rows)],
            "exponents": exponents([rows[one] for one in sorted(rows)]),
            "machine": machine_facts(),
            "packages": package_versions(PACKAGES),
        }
        write_json(options.out, found)
        print("\n".join(told(rows[size])), flush=True)
    print("exponents:", ", ".join(f"{stage} {x:.2f}" for stage, x in found["exponents"].items()))
    return 0


def measure(
    corpus: Corpus, size: int, seed: int, settings: Sequence[str], folder: Path
) -> dict[str, Any]:
    """Make a file of so many records, train on it and score it, each in a fresh process."""
    data, model = folder / "data.csv", folder / "model"
    with data.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(made_records(corpus, size, seed))
    cache = folder / "cache"
    command = ["train", str(data), "--out", str(model), "--cache", str(cache), *settings]
    trained = _run(command, folder / "train.json")
    answers = folder / "answers.csv"
    scored = _run(["predict", str(model), str(data), "--out", str(answers)], folder / "scored.json")
    row = {
        "records": size,
        "data_mb": _size_mb(data),
        "cache_mb": _size_mb(cache),
        "model_mb": _size_mb(model),
        "train": trained,
        "predict": scored,
    }
    shutil.rmtree(cache)
    return row


def made_records(corpus: Corpus, size: int, seed: int) -> Iterator[tuple[str, str]]:
    """Make records by joining halves of two records of one class, with slips."""
    draws = random.Random(seed)
    by_label: defaultdict[str, list[list[str]]] = defaultdict(list)
    for text, label in zip(corpus.texts, corpus.labels, strict=True):
        by_label[label].append(text.split())
    for _ in range(size):
        label = corpus.labels[draws.randrange(len(corpus.labels))]
        first, second = draws.choice(by_label[label]), draws.choice(by_label[label])
        words = [*first[: (len(first) + 1) // 2], *second[len(second) // 2 :]]
        kept = [_slip(word, draws) for word in words if draws.random() >= LEFT_OUT]
        yield " ".join(kept or words[:1]), label


def exponents(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Compute the slope of log(seconds) over log(records) for each stage."""
    measured = [row for row in rows if row["records"] >= FROM] or list(rows)
    first, last = measured[0], measured[-1]
    if first is last:
        return {}
    ratio = math.log(last["records"] / first["records"])
    pairs = {
        **{name: (first["train"], last["train"]) for name in first["train"]["stages"]},
        "predict": (first["predict"], last["predict"]),
    }
    return {
        name: math.log(_seconds(there, name) / _seconds(here, name)) / ratio
        for name, (here, there) in pairs.items()
    }


def told(row: dict[str, Any]) -> list[str]:
    """Write a size's stages as lines."""
    train, predict = row["train"], row["predict"]
    lines = [
        f"{row['records']:,} records ({row['data_mb']:.1f} MB): trained in {train['wall']:.1f} s, "
        f"at most {train['peak_mb']:.0f} MB; scored in {predict['wall']:.1f} s, at most "
        f"{predict['peak_mb']:.0f} MB"
    ]
    lines += (
        f"  {name:<14}{one['wall']:>9.1f} s {one['cpu']:>9.1f} s cpu {one['peak_mb']:>7.0f} MB"
        for name, one in train["stages"].items()
    )
    return lines


def _slip(word: str, draws: random.Random) -> str:
    if len(word) < 3 or draws.random() >= MISSPELT:
        return word
    place = draws.randrange(len(word))
    return word[:place] + draws.choice(LETTERS) + word[place + 1 :]


def _run(command: list[str], out: Path) -> dict[str, Any]:
    # As the command itself sets it, but before the worker has loaded torch.
    patient = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    subprocess.run([sys.executable, str(WORKER), str(out), *command], check=True, env=patient)
    found: dict[str, Any] = json.loads(out.read_bytes())
    return found


def _seconds(found: dict[str, Any], stage: str) -> float:
    one = found["stages"].get(stage, found)
    return max(float(one["cpu"]), 1e-3)


def _size_mb(path: Path) -> float:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def _kept(out: Path, common: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Read what was measured before with the same settings."""
    if not out.exists():
        return {}
    found = json.loads(out.read_bytes())
    same = all(found[name] == value for name, value in common.items())
    return {row["records"]: row for row in found["rows"]} if same else {}


if __name__ == "__main__":
    sys.exit(main())
