"""What a replay costs: milliseconds, memory and the size of the page, without torch.

    python benchmarks/replay_cost.py [--model FOLDER] [--out FILE]

Without a model, one of the default size is trained on the bundled tickets first. Each length is
measured in a process of its own that cannot import torch; the time is the median of 9 replays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewise import TextClassifier, save
from gatewise.data import load_tickets
from machine import machine_facts
from run_store import RunStore, key_of

RESULTS = Path(__file__).parent / "results" / "replay-cost.json"
LENGTHS = (10, 60, 200, 500)
ONE = """
import json, statistics, sys, time
sys.modules["torch"] = sys.modules["sklearn"] = sys.modules["scipy"] = None
from gatewise import load_plain, replay, replay_page
started = time.perf_counter()
model = load_plain(sys.argv[1])
loading = time.perf_counter() - started
words = [w for w in model.vocabulary.words[2:400] if w.isalpha()]
text = " ".join(words[n * 7 % len(words)] for n in range(int(sys.argv[2])))
replay(model, "the first one imports and converts")
replays, variants = [], []
for _ in range(9):
    started = time.perf_counter()
    found = replay(model, text)
    replays.append(time.perf_counter() - started)
    found.reading, found.without
    variants.append(time.perf_counter() - started)
started = time.perf_counter()
page = replay_page(found)
# Not getrusage: its maximum counts the process that started this one.
lines = open("/proc/self/status").read().splitlines()
peak = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({
    "n_tokens": len(found.tokens) + len(found.unread),
    "n_read": len(found.tokens),
    "load_ms": 1e3 * loading,
    "replay_ms": 1e3 * statistics.median(replays),
    "with_variants_ms": 1e3 * statistics.median(variants),
    "page_ms": 1e3 * (time.perf_counter() - started),
    "page_mb": len(page.encode()) / 1e6,
    "peak_mb": peak / 1e3,
}))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="a saved model; else one is trained")
    parser.add_argument("--max-length", type=int, help="tokens that the trained network reads")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    store = RunStore(options.out)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or _trained(Path(folder) / "model", options.max_length)
        for length in LENGTHS:
            run = _measured(model, length)
            print("  ".join(f"{name} {value:.4g}" for name, value in run.items()), flush=True)
            identity = {"method": "replay", "length": length, "max_length": options.max_length}
            store.add({"key": key_of(identity), **identity, **run}, machine_facts())
    return 0


def _trained(folder: Path, max_length: int | None) -> Path:
    train = load_tickets("train")
    save(TextClassifier(max_length=max_length).fit(train.texts, train.labels), folder)
    return folder


def _measured(model: Path, length: int) -> dict[str, Any]:
    command = [sys.executable, "-c", ONE, str(model), str(length)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
