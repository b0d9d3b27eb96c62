"""That a training that was interrupted ends as if it had not been."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatewise.base.errors import CheckpointError
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.training import TrainingConfig, train_network

# Without a schedule, so that a run of fewer epochs is the beginning of a longer one.
STEADY = {"warmup": 0.0, "patience": 0, "label_smoothing": 0.0, "learning_rate": 0.01}


def config(**changes):
    return TrainingConfig(**{**STEADY, "epochs": 6, "batch_size": 15} | changes)


def same_weights(first, second):
    return all(
        torch.equal(one, other)
        for one, other in zip(first.parameters(), second.parameters(), strict=True)
    )


def without_seconds(history):
    return [replace(epoch, seconds=0.0) for epoch in history]


class Killer:
    """Progress that ends the process, as far as the training can see, after some records."""

    def __init__(self, after):
        self.left = after
        self.told = []

    def start(self, stage, total, unit):
        self.told.append((stage, total, unit))

    def advance(self, n_units, note=""):
        self.told.append((n_units, note))
        self.left -= n_units
        if self.left < 0:
            raise KeyboardInterrupt

    def running(self, parts, seconds_left):
        pass

    def message(self, text):
        raise AssertionError(text)


@pytest.mark.parametrize("killed_after", [0, 1, 3, 5])
@pytest.mark.parametrize("frozen_words", [False, True])
def test_a_resumed_run_is_an_undisturbed_run(
    dropping, make_records, tmp_path, killed_after, frozen_words
):
    settings = config(warmup=0.2, gradient_clip=1.0, label_smoothing=0.1)
    shape = {"frozen_words": frozen_words, "recurrent_dropout": 0.1}

    def train(network, **more):
        return train_network(
            network, make_records(), settings, seed=1, validation=make_records(12, 3), **more
        )

    undisturbed = dropping(**shape)
    history = train(undisturbed)

    with pytest.raises(KeyboardInterrupt):
        train(
            dropping(**shape),
            checkpoint=Checkpoint(tmp_path, "run"),
            progress=Killer(after=killed_after * 60 + 20),
        )
    resumed = dropping(**shape)
    listener = Killer(after=1000)
    again = train(resumed, checkpoint=Checkpoint(tmp_path, "run"), progress=listener)
    assert same_weights(undisturbed, resumed)
    assert without_seconds(again) == without_seconds(history)
    assert listener.told[1] == (60 * killed_after, "")


@pytest.mark.parametrize("killed_after", [1, 4])
def test_a_resumed_run_stops_early_where_the_undisturbed_did(
    dropping, make_records, contrary, tmp_path, killed_after
):
    settings = config(epochs=60, patience=4, learning_rate=0.03)

    def train(network, **more):
        return train_network(network, make_records(), settings, seed=1, validation=contrary, **more)

    undisturbed = dropping()
    history = train(undisturbed)
    with pytest.raises(KeyboardInterrupt):
        train(
            dropping(),
            checkpoint=Checkpoint(tmp_path, "run"),
            progress=Killer(after=killed_after * 60 + 20),
        )
    resumed = dropping()
    assert len(train(resumed, checkpoint=Checkpoint(tmp_path, "run"))) == len(history)
    assert same_weights(undisturbed, resumed)


def test_a_finished_run_is_not_run_again(dropping, make_records, tmp_path):
    first, second = dropping(), dropping()
    checkpoint = Checkpoint(tmp_path, "run")
    history = train_network(first, make_records(), config(), seed=1, checkpoint=checkpoint)
    records = make_records()
    again = train_network(second, records, config(), seed=1, checkpoint=checkpoint)
    assert again == history
    assert same_weights(first, second)
    assert records.batches_made == []


def test_a_checkpoint_of_another_run_is_refused(dropping, make_records, tmp_path):
    train_network(
        dropping(), make_records(), config(), seed=1, checkpoint=Checkpoint(tmp_path, "run")
    )
    with pytest.raises(CheckpointError, match="belongs to a run with other data"):
        train_network(
            dropping(), make_records(), config(), seed=1, checkpoint=Checkpoint(tmp_path, "b")
        )
