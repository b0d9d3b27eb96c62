"""When a held-out loss has risen, and what follows for a training."""

from __future__ import annotations

import pytest

from gatewise.network import training
from gatewise.network.early_stopping import has_risen
from gatewise.network.training import TrainingConfig, train_network


@pytest.mark.parametrize(
    ("losses", "risen"),
    [
        ([], False),
        ([2.0], False),
        ([2.0, 1.0, 1.04], False),
        ([2.0, 1.0, 1.06], True),
        ([2.0, 1.0, 1.5, 1.0], False),
        ([0.0, 0.0], False),
    ],
)
def test_a_clear_rise(losses, risen):
    assert has_risen(losses) is risen


@pytest.mark.parametrize(("rises_from", "n_epochs"), [(2, 19), (18, 19), (24, 24), (31, 30)])
def test_a_training_is_stopped_only_when_the_loss_has_risen(
    dropping, make_records, monkeypatch, rises_from, n_epochs
):
    """The accuracy is the best in the first epoch, and half of 30 epochs are not judged."""
    told = iter([(1.0 + (epoch >= rises_from), 0.9 - 0.01 * epoch) for epoch in range(1, 31)])
    monkeypatch.setattr(training._Trainer, "_validate", lambda self, records: next(told))
    settings = TrainingConfig(epochs=30, patience=4, batch_size=4)
    history = train_network(
        dropping(), make_records(), settings, seed=1, validation=make_records(9, 4)
    )
    assert len(history) == n_epochs
