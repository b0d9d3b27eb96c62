"""The parts of a training on a cluster, without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gatewise.base.errors import ClusterError, ConfigError
from gatewise.classify.records import EncodedRecords
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.config import NetworkConfig
from gatewise.network.exchange import ALONE
from gatewise.network.model import TextNetwork
from gatewise.network.training import TrainingConfig, train_network
from gatewise.selection import training_worker
from gatewise.selection.clusters import versions_here
from gatewise.selection.training_worker import Keeper, TrainingTask, do_training
from gatewise.text.vocabulary import EncodedTexts

TENSORS = {"a": torch.tensor([1.5, 2.5])}


@pytest.fixture
def keeper(tmp_path):
    return Keeper(Checkpoint(tmp_path / "kept", "this run"), workers=2)


@pytest.fixture
def ask(keeper):
    """Call the keeper's methods as the workers do."""
    return lambda method, *arguments: getattr(keeper, method)(*arguments)


@pytest.fixture
def task():
    generator = np.random.default_rng(0)
    encoded = EncodedTexts(
        word_ids=np.arange(9) + 2,
        ngram_ids=np.arange(9) % 4,
        ngram_offsets=np.arange(10),
        tokens=generator.integers(0, 9, 60),
        offsets=np.arange(0, 61, 3),
    )
    records = EncodedRecords(encoded, np.arange(20), np.arange(20) % 3, None, 3, False, "nowhere")
    config = NetworkConfig(
        n_words=11,
        n_ngrams=4,
        n_classes=3,
        word_dimension=4,
        ngram_dimension=2,
        projection=0,
        units=3,
        max_length=3,
    )
    return TrainingTask(
        network=config,
        weights=TextNetwork(config, seed=1).arrays(),
        records=records,
        config=TrainingConfig(epochs=3, batch_size=6, patience=0),
        seed=4,
        validation=records,
        stage="training",
        bf16=False,
        threads=1,
        versions=versions_here(training_worker.PACKAGES),
    )


def test_a_worker_trains_as_one_process_does(task, keeper, ask, tmp_path):
    for array in task.weights.values():
        array.setflags(write=False)  # as the object store has it
    do_training(task, ask, ALONE, first=True, gpu=False)
    network, kept = TextNetwork(task.network, seed=1), Checkpoint(tmp_path / "kept", "this run")
    records = replace(task.records, device="cpu")

    def train(**more):
        return train_network(
            network, records, task.config, seed=4, validation=records, **more
        ), network.arrays()

    history, weights = train(checkpoint=kept)
    network = TextNetwork(task.network, seed=1)
    expected_history, expected = train()
    assert [e.loss for e in history] == [e.loss for e in expected_history]
    for name, value in expected.items():
        np.testing.assert_array_equal(weights[name], value)
    events, fault = keeper.news()
    assert fault == ""
    assert events[0] == ("advance", (2,))
    assert events[1] == ("start", ("training", 60, "records"))
    advanced = [arguments for name, arguments in events[2:] if name == "advance"]
    assert sum(n_units for n_units, _ in advanced) == 60
    assert advanced[-1][1].startswith("epoch 3/3")
    assert keeper.news() == ([], "")


def test_only_the_first_worker_writes_and_tells(task, keeper, ask, tmp_path):
    asked = []

    def note(method, *arguments):
        asked.append(method)
        return ask(method, *arguments)

    class Others:
        """The first worker says that it goes on."""

        def __getattr__(self, name):
            return getattr(ALONE, name)

        def add(self, values):
            return values + 1.0

    do_training(task, note, Others(), first=False, gpu=False)
    assert asked == ["read"]
    assert keeper.news() == ([], "")
    assert not list((tmp_path / "kept").iterdir())


def test_other_versions_end_it_for_all(task, keeper, ask):
    foreign = replace(task, versions={**task.versions, "torch": "0.1"})
    with pytest.raises(ConfigError, match=r"this node has torch .+ sends the work 0\.1"):
        do_training(foreign, ask, ALONE, first=True, gpu=False)
    assert "sends the work 0.1" in keeper.news()[1]
    assert not keeper.begin()
    do_training(task, ask, ALONE, first=True, gpu=False)  # does nothing any more
    assert keeper.news()[0] == []


def test_what_may_be_chance_is_tried_again_until_it_is_none(task, keeper, ask, monkeypatch):
    def fail(*arguments, **settings):
        raise RuntimeError("Connection closed by peer\nand more")

    monkeypatch.setattr(training_worker, "train_network", fail)
    for _ in range(3):
        assert keeper.news()[1] == ""
        with pytest.raises(RuntimeError):
            do_training(task, ask, ALONE, first=True, gpu=False)
    do_training(task, ask, ALONE, first=True, gpu=False)
    assert keeper.news()[1] == (
        "the workers ended 3 times without finishing an epoch (RuntimeError: Connection closed by "
        "peer)"
    )


def test_a_finished_epoch_makes_all_attempts_new(keeper):
    for _ in range(3):
        assert keeper.begin()
    keeper.write("training", TENSORS, {"history": []})
    assert keeper.begin()
    told = [event for event in keeper.news()[0] if event[0] == "message"]
    assert told == [("message", (training_worker._LOST,))] * 3
    tensors, facts = keeper.read("training")
    assert torch.equal(tensors["a"], TENSORS["a"])
    assert facts == {"history": []}


def test_a_full_disk_is_told(keeper, tmp_path):
    (tmp_path / "kept").rmdir()
    with pytest.raises(ClusterError, match=r"cannot be written to .+kept \(No such file"):
        keeper.write("training", TENSORS, {})


def test_a_stopped_training_stops(task, keeper, ask, monkeypatch):
    monkeypatch.setattr(training_worker, "_TELL_EVERY", 0.0)
    keeper.begin()

    def stop_later(method, *arguments):
        if method == "write":
            keeper.give_up("the command was stopped")
        return ask(method, *arguments)

    with pytest.raises(ClusterError, match="stopped"):
        do_training(task, stop_later, ALONE, first=True, gpu=False)
    assert keeper.news()[1] == "the command was stopped"
