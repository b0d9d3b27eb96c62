"""When a held-out loss last fell, and what follows for a training."""

from __future__ import annotations

import pytest

from gatewise.network import training
from gatewise.network.early_stopping import last_fall
from gatewise.network.training import TrainingConfig, train_network


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [
        ([], 0),
        ([2.0], 1),
        ([2.0, 1.0, 1.5, 0.9, 1.1], 4),
        ([1.0, 2.0, 3.0], 1),
        ([1.0, 1.0, 1.0], 1),
        ([1.0, 0.9995, 0.9991], 1),  # less than a thousandth
        ([1.0, 0.9995, 0.998], 3),
        ([0.0, 0.0], 1),
    ],
)
def test_the_last_clear_fall(losses, epoch):
    assert last_fall(losses) == epoch


@pytest.mark.parametrize(("last", "n_epochs"), [(1, 19), (15, 19), (20, 24), (28, 30)])
def test_a_falling_loss_keeps_a_training_going(dropping, make_records, monkeypatch, last, n_epochs):
    """The accuracy is the best in the first epoch, and the loss falls up to one of them."""
    told = iter([(3.0 - 0.1 * min(epoch, last), 0.9 - 0.01 * epoch) for epoch in range(1, 31)])
    monkeypatch.setattr(training._Trainer, "_validate", lambda self, records: next(told))
    settings = TrainingConfig(epochs=30, patience=4, batch_size=4)
    history = train_network(
        dropping(), make_records(), settings, seed=1, validation=make_records(9, 4)
    )
    assert len(history) == n_epochs
