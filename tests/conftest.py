"""What tests in several folders share."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import settings

# A machine that does other work as well must not make a test fail, nor must chance.
settings.register_profile("gatewise", deadline=None, derandomize=True)
settings.load_profile("gatewise")

TOPICS = {
    "balance": ["how much money is left", "what is my balance", "tell me the balance please"],
    "card": ["the machine kept my card", "my card is stuck", "the card was swallowed again"],
    "transfer": ["send money abroad", "my transfer has not come", "wire it to another bank"],
}
FILLERS = ["hello", "thanks", "today", "since monday", "i am angry", "at the branch", ""]

# A file is run by one process. With the longest first no process waits for another at the end.
LONGEST = (
    "tests/cluster/test_clusters.py",
    "tests/test_docs.py",
    "tests/faults/test_tune.py",
    "tests/cluster/test_scoring.py",
    "tests/faults/",
    "tests/cluster/",
    "tests/selection/",
    "tests/test_selection_benchmarks.py",
    "tests/browser/",
    "tests/serve/",
)


def pytest_collection_modifyitems(items):
    """Put the folders and files that take longest first, each as it is."""

    def rank(item):
        path = item.nodeid.partition("::")[0]
        return next((at for at, long in enumerate(LONGEST) if path.startswith(long)), len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny matrices are slower on many threads. Tests that need no torch do not load it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture
def small():
    """The settings of a classifier that is fitted in a tenth of a second."""
    return {
        "units": 4,
        "word_dimension": 8,
        "ngram_dimension": 4,
        "projection": 0,
        "epochs": 2,
        "batch_size": 16,
        "word2vec_passes": 2,
    }


@pytest.fixture(scope="session")
def make_tickets():
    """Make n records of three classes that a person tells apart, texts and labels."""

    def make(n_records, seed=0):
        generator = random.Random(seed)
        labels = [list(TOPICS)[number % len(TOPICS)] for number in range(n_records)]
        texts = [
            " ".join([generator.choice(FILLERS), generator.choice(TOPICS[label])]).strip()
            + generator.choice(["", ".", " !!!", f" {generator.randrange(90)}"])
            for label in labels
        ]
        return texts, labels

    return make
