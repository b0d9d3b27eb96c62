"""One network trained by the workers of a real Ray cluster, some of which are killed."""

from __future__ import annotations

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.classify.records import EncodedRecords
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.config import NetworkConfig
from gatewise.network.shares import training_in_shares
from gatewise.network.training import TrainingConfig, train_network
from gatewise.selection.ray_training import open_ray_training
from gatewise.text.vocabulary import build_vocabulary

pytestmark = [
    pytest.mark.slow,
    # Of Ray Data, on the way to Ray Train.
    pytest.mark.filterwarnings("ignore:.use_.+ is deprecated:DeprecationWarning"),
]

N_RECORDS, N_HELD_OUT = 320, 60
EPOCHS = 12
CONFIG = TrainingConfig(epochs=EPOCHS, batch_size=15, learning_rate=0.01, patience=0)


@pytest.fixture
def cluster(clusters):
    pytest.importorskip("ray")
    return clusters("ray")


@pytest.fixture(scope="module")
def material(make_tickets):
    """Records to learn from, records to be held out, and the network's settings."""
    texts, labels = make_tickets(N_RECORDS + N_HELD_OUT)
    tokens = [text.split() for text in texts]
    vocabulary = build_vocabulary(tokens, min_count=1, max_words=1000, max_ngrams=1000)
    targets = np.unique(labels, return_inverse=True)[1]

    def records(start, stop):
        rows = np.arange(start, stop)
        return EncodedRecords(vocabulary.encode(tokens), rows, targets[rows], None, 20, False)

    config = NetworkConfig(
        n_words=len(vocabulary),
        n_ngrams=len(vocabulary.ngrams),
        n_classes=3,
        word_dimension=8,
        ngram_dimension=6,
        projection=0,
        units=8,
        max_length=20,
    )
    return records(0, N_RECORDS), records(N_RECORDS, N_RECORDS + N_HELD_OUT), config


@pytest.fixture(scope="module")
def driver(squares):
    """The module of this name, from where new processes find it as well."""
    return importlib.import_module("driver")


def test_workers_may_die_and_all_follow_one_process(cluster, driver, material, tmp_path):
    weights, history = driver.fit(train_network, material, CONFIG)
    sessions = {node.process.pid for node in [cluster.head, *cluster.nodes]}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        asked = (cluster.address, sessions, material, CONFIG, tmp_path / "kept")
        found, killed = processes.submit(driver.fit_on_ray, *asked).result()

    # One process that computes both shares, and is not killed, ends with the same bits.
    in_shares = driver.fit(training_in_shares(2), material, CONFIG)
    for name, value in in_shares[0].items():
        assert np.array_equal(found[0][name], value), name
    assert [(epoch.loss, epoch.validation_loss) for epoch in in_shares[1]] == [
        (epoch.loss, epoch.validation_loss) for epoch in found[1]
    ]
    for epoch, other in zip(history, found[1], strict=True):
        assert other.loss == pytest.approx(epoch.loss, abs=1e-5)
        assert other.validation_loss == pytest.approx(epoch.validation_loss, abs=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(found[0][name], value, atol=1e-4, err_msg=name)

    assert killed.started[:2] == [
        ("workers", 2, "workers"),
        ("training", EPOCHS * N_RECORDS, "records"),
    ]
    assert killed.n_units == EPOCHS * N_RECORDS
    assert killed.messages == ["a worker was lost; all go on from the last whole epoch"]
    # After that, training did not begin with the first epoch. (Of one that does not stop, the first
    # that is told may be more than an epoch as well: it is asked from time to time.)
    assert len(killed.started) == 3
    assert killed.begun_with[-1] >= N_RECORDS
    assert Checkpoint(tmp_path / "kept", "this run").read("training") is not None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"workers": 4}, "workers is 4; the nodes .+ have room for 3 with 1 processors each; ask"),
        ({"workers": 1, "threads": 2}, "room for 0 with 2 processors each; ask"),
        ({"workers": 1, "gpu": True}, "room for 0 with 1 processors each and a GPU; ask"),
    ],
)
def test_more_than_the_nodes_have_is_refused(cluster, asked, told):
    with pytest.raises(ConfigError, match=told), open_ray_training(cluster.address, **asked):
        pass
