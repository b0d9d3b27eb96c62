"""Processes that really train together, by gloo: this one is the first of them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from gatewise.base.errors import ConfigError
from gatewise.network.exchange import ALONE, ProcessGroup, Share
from gatewise.network.optimiser import NetworkOptimiser
from gatewise.network.shares import InShares, training_in_shares
from gatewise.network.training import TrainingConfig

SCRIPT = Path(__file__).with_name("together.py")
SIZES = (2, 3)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("together", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=SIZES)
def together(request, script, tmp_path_factory):
    """What a number of processes found."""
    folder, size = tmp_path_factory.mktemp("together"), request.param
    others = [
        subprocess.Popen([sys.executable, str(SCRIPT), str(folder), str(rank), str(size)])
        for rank in range(1, size)
    ]
    try:
        exchange = script.join(folder, 0, size)
        try:
            found = script.everything(exchange)
            assert [other.wait(60) for other in others] == [0] * len(others)
        finally:
            time.sleep(0.2)  # Until gloo has seen that the others are gone: see the script's end.
            distributed.destroy_process_group()
    finally:
        for other in others:
            other.kill()
            other.wait()
    return found | {"size": size}


@pytest.mark.parametrize("name", ["modern", "classic", "minimal", "weights", "adversarial", "few"])
def test_a_training_together_is_that_of_one_process(script, together, name):
    weights, history = script.train(name)
    weights_together, history_together = together[name]
    for epoch, other in zip(history, history_together, strict=True):
        assert other.loss == pytest.approx(epoch.loss, abs=1e-6)
        assert other.validation_loss == pytest.approx(epoch.validation_loss, abs=1e-6)
        assert (other.accuracy, other.validation_accuracy) == (
            epoch.accuracy,
            epoch.validation_accuracy,
        )
    assert history[-1].loss != history[0].loss
    for key, value in weights.items():
        np.testing.assert_allclose(weights_together[key], value, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", ["modern", "classic", "minimal", "weights", "adversarial", "few"])
def test_one_process_computes_the_same_bits_share_by_share(script, together, name):
    weights, history = script.train(name, InShares(together["size"]))
    weights_together, history_together = together[name]
    assert history == history_together
    assert weights.keys() == weights_together.keys()
    for key, value in weights.items():
        assert value.tobytes() == weights_together[key].tobytes(), key


def test_what_is_summed_share_by_share_is_what_processes_sum(script, together):
    exchange = InShares(together["size"])
    dense, without, table = weights = script.gradients(0)
    for rank in range(together["size"]):
        for weight, other in zip(weights, script.gradients(rank), strict=True):
            weight.grad = other.grad
        exchange.keep_gradients(weights)
    exchange.add_gradients(weights)
    expected = together["gradients"]
    assert without.grad is None
    assert torch.equal(dense.grad, expected[0].grad)
    assert table.grad.is_coalesced()
    assert torch.equal(table.grad.indices(), expected[2].grad.indices())
    assert torch.equal(table.grad.values(), expected[2].grad.values())


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2"])
def test_a_number_of_shares_that_cannot_be_is_refused(size):
    with pytest.raises(ConfigError, match="workers"):
        training_in_shares(size)


def test_a_run_that_was_stopped_leaves_nothing_to_the_next(script, monkeypatch):
    """One may be stopped between two shares of a batch, and its trainer used again."""

    def weights_of(train):
        network = script.network_of()
        history = train(network, script.records_of(20), TrainingConfig(epochs=2), seed=0)
        assert [epoch.epoch for epoch in history] == [1, 2]
        return network.state_dict()

    train = training_in_shares(3)
    with monkeypatch.context() as patch:
        patch.setattr(NetworkOptimiser, "step", stop)
        with pytest.raises(KeyboardInterrupt):
            weights_of(train)
    again, expected = weights_of(train), weights_of(training_in_shares(3))
    assert all(torch.equal(again[name], expected[name]) for name in expected)


def stop(*arguments):
    raise KeyboardInterrupt


def test_gradients_are_summed_and_tables_stay_sparse(script, together):
    ranks = [script.gradients(rank) for rank in range(together["size"])]
    dense, without, table = together["gradients"]
    assert without.grad is None
    torch.testing.assert_close(dense.grad, sum(weights[0].grad for weights in ranks))
    expected = sum(weights[2].grad.to_dense() for weights in ranks)
    assert table.grad.is_sparse
    assert table.grad.is_coalesced()
    assert table.grad.indices()[0].tolist() == ([1, 3, 8] if together["size"] > 1 else [1, 8])
    torch.testing.assert_close(table.grad.to_dense(), expected)


def test_what_is_sent_is_counted(together):
    # 9 x 4 numbers of the dense weight and 3 rows of the table, of 4 bytes each.
    assert together["bytes"]["summed"] == (9 * 4 + 3 * 4) * 4
    # How many rows, and which; as many as the process with the most has.
    assert together["bytes"]["copied"] == 8 + 8 * 3


def test_other_weights_are_noticed(together):
    assert together["complaint"].startswith("worker 1 has computed other weights than worker 0")


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("n_records", [1, 2, 6, 7, 64])
def test_shares_are_even_and_cover_a_batch(n_records, size):
    shares = [ranked(rank, size).shares(n_records)[0] for rank in range(size)]
    rows = [range(n_records)[share.rows] for share in shares]
    counted = [part for part, share in zip(rows, shares, strict=True) if share.counts]
    assert [number for part in counted for number in part] == list(range(n_records))
    assert max(map(len, counted)) - min(map(len, counted)) <= 1
    assert InShares(size).shares(n_records) == shares
    assert all(part == range(1) for part, s in zip(rows, shares, strict=True) if not s.counts)


def ranked(rank, size):
    """Make an exchange without any process behind it."""
    exchange = ProcessGroup.__new__(ProcessGroup)
    exchange.rank, exchange.size = rank, size
    return exchange


def test_batches_are_scored_by_turns():
    batches = [np.array([number]) for number in range(5)]
    own = [ranked(rank, 2).own(batches)[0] for rank in range(2)]
    assert own == InShares(2).own(batches)
    assert own == [[batches[0], batches[2], batches[4]], [batches[1], batches[3]]]


def test_one_process_has_nobody_to_talk_to():
    assert ALONE.shares(5) == [Share(slice(0, 5))]
    values = np.array([1.5])
    assert ALONE.add(values) is values
    assert ALONE.own([values]) == [[values]]
