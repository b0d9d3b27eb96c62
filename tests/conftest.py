"""What tests in several folders share."""

from __future__ import annotations

import os
import random
import sys
from concurrent.futures import BrokenExecutor

import pytest
from hypothesis import settings
from joblib.externals.loky import ProcessPoolExecutor

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
    "tests/test_speed_benchmark.py",
    "tests/cluster/test_scoring.py",
    "tests/faults/test_tune.py",
    "tests/report/test_model_page.py",
    "tests/faults/",
    "tests/cluster/",
    "tests/selection/",
    "tests/test_selection_benchmarks.py",
    "tests/browser/",
    "tests/serve/",
    "tests/report/",
    "tests/test_",
)

# What these run is covered by the tests of each module; to count its lines takes a quarter longer.
NOT_COUNTED = (
    "tests/browser/",
    "tests/faults/",
    "tests/serve/test_load.py",
    "tests/serve/test_openapi.py",
    "tests/test_",
)


@pytest.fixture
def small_files():
    """Let the system refuse to write more than 4 KB into a file, as on a full disk."""
    resource = pytest.importorskip("resource", reason="this system has no such limits")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def pytest_collection_modifyitems(items):
    """Put the folders and files that take longest first, each as it is."""

    def rank(item):
        path = item.nodeid.partition("::")[0]
        return next((at for at, long in enumerate(LONGEST) if path.startswith(long)), len(LONGEST))

    items.sort(key=rank)
    for item in items:
        if item.nodeid.startswith(NOT_COUNTED):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny matrices are slower on many threads. Tests that need no torch do not load it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


class KeptWorkers:
    """Processes as a search starts them, kept for the next search: they take seconds to start."""

    executor: ProcessPoolExecutor | None = None

    def __init__(self, engine, data):
        assert engine.workers <= 2
        assert engine.threads == 1
        self.data, self.futures = data, []

    def submit(self, function, *arguments):
        kept = type(self)
        if kept.executor is None:
            from gatewise.selection.workers import THREAD_LIMITS, _begin

            kept.executor = ProcessPoolExecutor(
                max_workers=2,
                timeout=None,
                initializer=_begin,
                initargs=(None, os.getpid()),
                env=dict.fromkeys(THREAD_LIMITS, "1"),
            )
        self.futures.append(kept.executor.submit(function, self.data, *arguments))
        return self.futures[-1]

    def renew(self):
        """Start new processes, if one died."""
        try:
            if self.executor:
                self.executor.submit(int).result()
        except BrokenExecutor:
            self.end()

    def close(self, *, at_once):
        for future in self.futures:
            future.cancel()

    @classmethod
    def end(cls):
        if cls.executor:
            cls.executor.shutdown(kill_workers=True)
            cls.executor = None


@pytest.fixture(scope="session")
def kept_workers():
    """Workers of searches whose processes outlive them."""
    yield KeptWorkers
    KeptWorkers.end()


@pytest.fixture(scope="module")
def quick_searches(kept_workers):
    """Searches that use the same processes, one after the other."""
    from gatewise.selection import workers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_LocalWorkers", kept_workers)
        yield


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
        "adversarial": 0.0,
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
