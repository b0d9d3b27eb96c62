"""What each oddity of the forum's recipes costs, on the bundled tickets.

    python benchmarks/recipe_oddities.py [--seeds 3] [--threads 1] [--out FILE]

The question's network as asked learns next to nothing from so few tickets, so each oddity is put
back by itself into a network in which all are mended. Runs that are in the file already are not
done again. The documentation shows the table from the file.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import accuracy_score, f1_score

from gatewise import TextClassifier
from gatewise.data import load_tickets
from gatewise.text.corpus import Corpus
from gatewise.text.tokens import tokenize
from machine import machine_facts, package_versions, source_digest
from run_store import RunStore, key_of

RESULTS = Path(__file__).parent / "results" / "recipe-oddities.json"
QUESTION: dict[str, Any] = {"recipe": "classic", "output": "sigmoid"}
MENDED: dict[str, Any] = {
    "recipe": "classic",
    "output": "softmax",
    "activation": "tanh",
    "pooling": "max",
    "fixed_length": False,
    "embedding": "fine-tuned",
    "min_count": 1,
    "word2vec_algorithm": "skip-gram",
    "word2vec_passes": 20,
    "epochs": 30,
}
GENSIM: dict[str, Any] = {"min_count": 5, "word2vec_algorithm": "cbow", "word2vec_passes": 5}
ANSWER: dict[str, Any] = {"recipe": "minimal", "epochs": 60}
# Name, settings, and whether words are told by how often they stand in the training texts.
VARIANTS: list[tuple[str, dict[str, Any], bool]] = [
    ("the question's network, as asked, 10 epochs", QUESTION, False),
    ("the question's network with all oddities mended", MENDED, False),
    ("  but sigmoid, as asked", {**MENDED, "output": "sigmoid"}, False),
    ("  but relu, as asked", {**MENDED, "activation": "relu"}, False),
    (
        "  but Flatten over padding, as asked",
        {**MENDED, "pooling": "flatten", "fixed_length": True},
        False,
    ),
    ("  but frozen word vectors, as asked", {**MENDED, "embedding": "frozen"}, False),
    ("  but word2vec by gensim's defaults", {**MENDED, **GENSIM}, False),
    ("  but 10 epochs", {**MENDED, "epochs": 10}, False),
    ("the answer's network, with ids, 60 epochs", ANSWER, False),
    ("  but counts for ids, as its script has them", ANSWER, True),
    ("gatewise's default, LSTM alone", {"companion": False}, False),
    ("gatewise's default", {}, False),
]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    store = RunStore(options.out)
    train, test = load_tickets("train"), load_tickets("test")
    for seed in range(options.seeds):
        for name, settings, counted in VARIANTS:
            identity = {"variant": name.strip(), "settings": settings, "seed": seed}
            key = key_of(identity)
            if store.find(key) is None:
                print(f"seed {seed}, {name.strip()}: ", end="", flush=True)
                run = _measured(train, test, settings, seed, counted=counted)
                print(f"{run['accuracy']:.1%}, {run['seconds']:.0f} s", flush=True)
                facts = {"method": name.strip(), "data_set": "tickets", "threads": options.threads}
                store.add({"key": key, **identity, **facts, **run, **_source()}, machine_facts())
    print(_table(store))
    return 0


def _measured(
    train: Corpus, test: Corpus, settings: dict[str, Any], seed: int, *, counted: bool
) -> dict[str, Any]:
    texts, questions = train.texts, test.texts
    if counted:
        settings = {**settings, "language": "pretokenized"}
        texts, questions = _counts_as_ids(train.texts, test.texts)
    started = time.perf_counter()
    classifier = TextClassifier(**settings, random_state=seed).fit(texts, train.labels)
    seconds = time.perf_counter() - started
    predicted = classifier.predict(questions)
    return {
        "accuracy": float(accuracy_score(test.labels, predicted)),
        "macro_f1": float(f1_score(test.labels, predicted, average="macro")),
        "seconds": seconds,
    }


def _counts_as_ids(train: Sequence[str], test: Sequence[str]) -> tuple[list[str], list[str]]:
    """Write each word as its number of occurrences, as NLTK's ``Vocabulary[word]`` gives it."""
    tokens = [tokenize(text) for text in train]
    counts = Counter(token for text in tokens for token in text)

    def written(text: Sequence[str]) -> str:
        return " ".join(str(counts[token]) for token in text)

    return [written(text) for text in tokens], [written(tokenize(text)) for text in test]


def _source() -> dict[str, Any]:
    return {
        "source": source_digest(["text", "vectors", "network", "classify"]),
        "versions": package_versions(["torch", "gensim", "numpy", "scikit-learn"]),
    }


def _table(store: RunStore) -> str:
    lines = [f"{'':66} accuracy  macro F1   seconds"]
    for name, _, _ in VARIANTS:
        runs = store.runs_of(name.strip())
        if runs:
            means = [
                statistics.fmean(run[what] for run in runs) for what in ("accuracy", "macro_f1")
            ]
            seconds = statistics.fmean(run["seconds"] for run in runs)
            lines.append(f"{name:66} {means[0]:8.1%}  {means[1]:8.1%}  {seconds:8.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
