"""Processes that train one network together with their weights on a graphics processor.

    python benchmarks/gpu_together.py [--data FILE] [--epochs N] [--device cuda] [--out FILE]

On one file of labelled texts (columns text and label; by default the bundled tickets), in float32,
with word vectors that start at random, texts that are not moved, and nothing held out: the loss of
every epoch, and records a second, of

    alone            one process that tells nobody anything
    nccl, 1          one process whose gradients go through NCCL
    gloo, 2          two processes on the same card, whose gradients gloo adds up
    nccl, 2          the same with NCCL, which takes one card for each process: more cards than one
                     are needed, and what it says without is kept

With one card this shows that the code is right and what the calls cost, and not what two cards
bring. Pooled with means, since maxima follow the last digits: see ``data_parallel.py``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from gatewise import TextClassifier, read_corpus
from gatewise.base.files import write_json
from gatewise.data import load_tickets
from gatewise.network.exchange import ALONE, ProcessGroup
from gatewise.network.training import train_network
from gatewise.text.corpus import Corpus
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results" / "gpu-together.json"
WAYS = {"nccl": (1, 2), "gloo": (2,)}
LIMIT = 240  # seconds; processes that cannot find each other wait far longer


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=RESULTS)
    # What follows is for the processes that this one starts.
    parser.add_argument("--backend", choices=list(WAYS))
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--size", type=int, default=1)
    parser.add_argument("--meet", type=Path)
    options = parser.parse_args(arguments)
    if options.backend:
        _one_of_many(options)
        return 0
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "data": options.data.name if options.data else "the bundled tickets",
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch"]),
        "card": torch.cuda.get_device_name(0) if options.device == "cuda" else "none",
        "n_cards": torch.cuda.device_count(),
        "ways": {"alone": _train(options, ALONE)},
    }
    alone = found["ways"]["alone"]["losses"]
    for backend, sizes in WAYS.items():
        for size in sizes:
            way = _together(options, backend, size)
            if "losses" in way:
                pairs = zip(way["losses"], alone, strict=True)
                way["largest_difference"] = max(abs(one - other) for one, other in pairs)
            found["ways"][f"{backend}, {size}"] = way
            print(backend, size, way, flush=True)
            write_json(options.out, found)
    return 0


def _together(options: argparse.Namespace, backend: str, size: int) -> dict[str, Any]:
    """Start the processes; give what the first of them found, or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        meet = Path(folder, "meet")
        command = [sys.executable, __file__, "--backend", backend, "--size", str(size)]
        command += ["--meet", str(meet), "--device", options.device]
        command += ["--epochs", str(options.epochs)]
        command += ["--data", str(options.data)] if options.data else []
        processes = [
            subprocess.Popen(
                [*command, "--rank", str(rank)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for rank in range(size)
        ]
        try:
            told = [process.communicate(timeout=LIMIT) for process in processes]
        except subprocess.TimeoutExpired:
            return {"error": f"nothing after {LIMIT} seconds"}
        finally:
            for process in processes:
                process.kill()
    if any(process.returncode for process in processes):
        lines = told[0][1].decode(errors="replace").strip().splitlines()
        return {"error": [line for line in lines if "rror" in line or "uplicate" in line][-3:]}
    found: dict[str, Any] = json.loads(told[0][0].decode().splitlines()[-1])
    return found


def _one_of_many(options: argparse.Namespace) -> None:
    distributed.init_process_group(
        options.backend,
        init_method=f"file://{options.meet}",
        rank=options.rank,
        world_size=options.size,
        timeout=datetime.timedelta(seconds=LIMIT // 2),
    )
    if options.device == "cuda":
        torch.cuda.set_device(options.rank % torch.cuda.device_count())
    exchange = ProcessGroup(options.device)
    found = _train(options, exchange)
    if options.rank == 0:
        print(json.dumps(found | {"bytes": exchange.n_bytes}), flush=True)
    distributed.barrier()
    # Without taking the group apart: that waits for the others' threads, some of which are gone.
    os._exit(0)


def _train(options: argparse.Namespace, exchange: Any) -> dict[str, Any]:
    corpus: Corpus = read_corpus(options.data) if options.data else load_tickets("train")
    classifier = TextClassifier(
        embedding="random",
        companion=False,
        final_epochs=0,
        adversarial=0.0,
        validation_fraction=0,
        precision="float32",
        pooling="mean",
        epochs=options.epochs,
        batch_size=64,
        device=options.device,
    )
    trainer = partial(train_network, exchange=exchange)
    history = classifier.fit(corpus.texts, corpus.labels, trainer=trainer).model_.history
    seconds = statistics.median(epoch.seconds for epoch in history)
    return {
        "losses": [epoch.loss for epoch in history],
        "records_per_second": len(corpus.texts) / seconds,
    }


if __name__ == "__main__":
    sys.exit(main())
