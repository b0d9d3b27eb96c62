from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.base.errors import ConfigError
from gatewise.network import training
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.model import log_probabilities
from gatewise.network.precision import Precision, choose_precision
from gatewise.network.scoring import read_records, score_records
from gatewise.network.training import EpochResult, TrainingConfig, train_network

# Without a schedule, so that a run of fewer epochs is the beginning of a longer one.
STEADY = {"warmup": 0.0, "patience": 0, "label_smoothing": 0.0, "learning_rate": 0.01}


def config(**changes):
    return TrainingConfig(**{**STEADY, "epochs": 6, "batch_size": 15} | changes)


def same_weights(first, second):
    return all(
        torch.equal(one, other)
        for one, other in zip(first.parameters(), second.parameters(), strict=True)
    )


class Listener:
    """Remembers what it is told."""

    def __init__(self):
        self.told = []

    def start(self, stage, total, unit):
        self.told.append((stage, total, unit))

    def advance(self, n_units, note=""):
        self.told.append((n_units, note))


# Learning


def test_a_learnable_problem_is_learnt(dropping, make_records):
    network = dropping()
    history = train_network(
        network,
        make_records(),
        TrainingConfig(epochs=15, batch_size=8, learning_rate=0.02, word_rate=1.0, patience=0),
        seed=1,
        validation=make_records(seed=9),
    )
    assert [epoch.epoch for epoch in history] == list(range(1, 16))
    assert history[-1].loss < 0.6 * history[0].loss
    assert history[-1].accuracy > 0.9
    assert history[-1].validation_accuracy > 0.9
    assert history[-1].validation_loss < history[0].validation_loss
    assert all(epoch.seconds > 0 for epoch in history)


def test_without_validation_nothing_is_measured(dropping, make_records):
    history = train_network(dropping(), make_records(), config(epochs=2), seed=1)
    assert [(epoch.validation_loss, epoch.validation_accuracy) for epoch in history] == [
        (None, None)
    ] * 2


def test_the_seed_decides(dropping, make_records):
    def run(seed):
        network = dropping()
        train_network(network, make_records(), config(epochs=2), seed=seed)
        return network

    assert same_weights(run(1), run(1))
    assert not same_weights(run(1), run(2))


def test_stages_draw_their_own_numbers(dropping, make_records):
    first, second = make_records(), make_records()
    train_network(dropping(), first, config(epochs=1), seed=1)
    train_network(dropping(), second, config(epochs=1), seed=1, stage="last epochs")
    assert first.batches_made != second.batches_made


def test_dropout_differs_from_epoch_to_epoch(dropping, make_records):
    """One record, at a learning rate at which nothing else changes."""
    settings = config(epochs=5, learning_rate=1e-8)
    history = train_network(dropping(), make_records(1), settings, seed=1)
    losses = [epoch.loss for epoch in history]
    assert max(losses) - min(losses) > 0.01


def test_torch_is_left_alone(dropping, make_records):
    before = torch.random.get_rng_state()
    train_network(dropping(), make_records(), config(epochs=1), seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_every_record_is_read_once_an_epoch_in_another_order(dropping, make_records):
    records = make_records()
    train_network(dropping(), records, config(epochs=2), seed=1)
    first, second = records.batches_made[:4], records.batches_made[4:8]
    for epoch in (first, second):
        assert sorted(number for batch in epoch for number in batch) == list(range(60))
    assert first != second


# Losses and weights


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_that_of_torch(dropping, make_records, smoothing, weighted):
    """One batch of all records without dropout: the loss before any update."""
    network = dropping(spatial_dropout=0.0, dropout=0.0)
    weights = np.linspace(0.1, 1.9, 60, dtype=np.float32) if weighted else None
    records = make_records(weights=weights)
    with torch.no_grad():
        logits = network(records.batch(np.arange(60)))
    losses = functional.cross_entropy(
        logits, torch.from_numpy(records.targets), label_smoothing=smoothing, reduction="none"
    )
    expected = float((losses * torch.from_numpy(weights)).mean() if weighted else losses.mean())
    settings = config(epochs=1, batch_size=60, label_smoothing=smoothing)
    history = train_network(network, records, settings, seed=1)
    assert history[0].loss == pytest.approx(expected, rel=1e-5)
    right = (logits.argmax(dim=1).numpy() == records.targets).mean()
    assert history[0].accuracy == pytest.approx(right)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_gradient_of_the_loss_is_that_of_torch(dropping, make_records, smoothing):
    network, records = dropping(spatial_dropout=0.0, dropout=0.0), make_records()
    shadow = copy.deepcopy(network)
    loss = functional.cross_entropy(
        shadow(records.batch(np.arange(60))),
        torch.from_numpy(records.targets),
        label_smoothing=smoothing,
    )
    loss.backward()
    settings = config(epochs=1, batch_size=60, label_smoothing=smoothing, gradient_clip=0.0)
    train_network(network, records, settings, seed=1)
    for got, wanted in zip(network.parameters(), shadow.parameters(), strict=True):
        torch.testing.assert_close(
            got.grad.to_dense(), wanted.grad.to_dense(), rtol=1e-4, atol=1e-6
        )


def test_weights_decide_between_records_that_contradict_each_other(toy_records, dropping):
    """The same text, three parts of the weight on one class and one part on another."""
    texts = [[(2, (0,)), (3, (1,))]] * 8
    targets = np.array([0, 1] * 4)
    weights = np.array([1.5, 0.5] * 4, dtype=np.float32)
    network = dropping(spatial_dropout=0.0, dropout=0.0)
    train_network(
        network,
        toy_records(texts, targets, weights),
        config(epochs=150, learning_rate=0.03, weight_decay=0.0),
        seed=1,
    )
    scores = score_records(network, toy_records(texts[:1], targets[:1]))
    assert np.exp(scores[0]) == pytest.approx([0.75, 0.25, 0.0], abs=0.02)


def test_records_without_weight_teach_nothing(dropping, make_records):
    records = make_records()
    wrong = make_records()
    wrong.targets = np.where(np.arange(60) % 2, records.targets, (records.targets + 1) % 3)
    wrong.weights = np.array([0.0, 2.0] * 30, dtype=np.float32)
    network = dropping()
    train_network(network, wrong, config(epochs=25, learning_rate=0.02), seed=1)
    assert (score_records(network, records).argmax(axis=1) == records.targets).mean() > 0.8


# Scoring


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_scores_stand_in_the_order_of_the_records(dropping, make_records, output):
    network, records = dropping(output=output).double(), make_records()
    scores, kept = read_records(network, records, lambda pooled: pooled[:, 1:3], batch_size=7)
    np.testing.assert_allclose(scores, score_records(network, records), atol=1e-6)
    assert not network.training
    with torch.no_grad():
        for number in (0, 31, 59):
            logits = network(records.batch(np.array([number])))
            expected = log_probabilities(logits, output).numpy()[0]
            np.testing.assert_allclose(scores[number], expected, atol=1e-5)
            pooled = network.encode(records.batch(np.array([number]))).numpy()[0]
            np.testing.assert_allclose(kept[number], pooled[1:3], atol=1e-6)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, atol=1e-6)
    assert scores.dtype == np.float64


def test_training_after_scoring_drops_again(dropping, make_records):
    network = dropping()
    train_network(network, make_records(), config(epochs=2), seed=1, validation=make_records(6, 2))
    other = dropping()
    train_network(other, make_records(), config(epochs=2), seed=1)
    assert same_weights(network, other)


# Early stopping


def test_early_stopping_goes_back_to_the_best_epoch(dropping, make_records, contrary):
    stopped = dropping()
    settings = config(epochs=60, patience=4, learning_rate=0.03)
    history = train_network(stopped, make_records(), settings, seed=1, validation=contrary)
    accuracies = [epoch.validation_accuracy for epoch in history]
    best = accuracies.index(max(accuracies)) + 1
    assert len(history) == max(best, 60 // 2) + 4 < 60  # the first half is not judged
    assert accuracies[-1] < max(accuracies)

    short = dropping()
    train_network(short, make_records(), config(epochs=best, learning_rate=0.03), seed=1)
    assert same_weights(stopped, short)


def test_a_run_that_reaches_its_end_keeps_its_last_weights(dropping, make_records, contrary):
    whole = dropping()
    settings = config(epochs=12, patience=12)
    history = train_network(whole, make_records(), settings, seed=1, validation=contrary)
    accuracies = [epoch.validation_accuracy for epoch in history]
    assert accuracies.index(max(accuracies)) + 1 < 12
    plain_run = dropping()
    train_network(plain_run, make_records(), config(epochs=12), seed=1)
    assert same_weights(whole, plain_run)


@pytest.fixture
def risen(monkeypatch):
    """Whatever the held-out loss does, it counts as risen."""
    monkeypatch.setattr(training, "has_risen", lambda losses: True)


@pytest.mark.usefixtures("risen")
def test_patience_that_ends_with_the_last_epoch_stops_nothing(dropping, make_records):
    """At this learning rate the first epoch stays the best, 10 // 2 + 5 epochs from its end."""
    nearly_still = {"epochs": 10, "learning_rate": 1e-8}
    held_out = make_records(9, 4)
    whole, plain_run, stopped = dropping(), dropping(), dropping()
    for network, patience in ((whole, 5), (plain_run, 0), (stopped, 4)):
        train_network(
            network,
            make_records(),
            config(**nearly_still, patience=patience),
            seed=1,
            validation=held_out,
        )
    assert same_weights(whole, plain_run)
    assert not same_weights(stopped, plain_run)


@pytest.mark.usefixtures("risen")
def test_of_equal_epochs_the_first_counts_as_best(dropping, make_records):
    """At this learning rate the accuracy stays what it is."""
    settings = config(epochs=20, patience=3, learning_rate=1e-8)
    history = train_network(
        dropping(), make_records(), settings, seed=1, validation=make_records(9, 4)
    )
    assert len({epoch.validation_accuracy for epoch in history}) == 1
    assert len(history) == 20 // 2 + 3


def test_without_patience_there_is_no_early_stopping(dropping, make_records, contrary):
    settings = config(epochs=10, patience=0)
    history = train_network(dropping(), make_records(), settings, seed=1, validation=contrary)
    assert len(history) == 10


# What cannot be trained


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_it_at_once(dropping, make_records, lost, tmp_path):
    network = dropping()
    with torch.no_grad():
        network.dense.bias[0] = lost
    checkpoint = Checkpoint(tmp_path / "run", "a fit")
    sentence = r"training ran away: the loss of epoch 1 is nan; choose a learning_rate below 0.5,"
    with pytest.raises(ConfigError, match=sentence):
        train_network(
            network,
            make_records(),
            config(epochs=3, learning_rate=0.5),
            seed=1,
            checkpoint=checkpoint,
        )
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    ("held_out", "found"),
    [(True, "the held-out loss of epoch 1 is nan"), (False, "the scores after the last step are")],
)
def test_weights_that_the_last_step_has_spoilt_end_it(dropping, make_records, held_out, found):
    """No loss of the training was computed with them."""
    records = make_records()
    for text in records.texts:
        text.extend([(5, ())] * 60)
    with pytest.raises(ConfigError, match=f"^training ran away: {found}"):
        train_network(
            dropping(activation="relu", units=8),
            records,
            config(epochs=1, batch_size=60, learning_rate=10.0),
            seed=1,
            validation=records if held_out else None,
        )


# Progress, precision, settings


def test_progress_is_told_of_every_record(dropping, make_records):
    listener = Listener()
    train_network(
        dropping(),
        make_records(),
        config(epochs=2),
        seed=1,
        validation=make_records(9, 4),
        progress=listener,
        stage="practice",
    )
    assert listener.told[0] == ("practice", 120, "records")
    assert sum(n_units for n_units, _ in listener.told[1:]) == 120
    first, last = listener.told[2][1], listener.told[-1][1]
    assert first.startswith("epoch 1/2  loss ")
    assert "held out" not in first
    assert last.startswith("epoch 2/2  loss ")
    assert "%" in last


@pytest.mark.parametrize(
    "activation",
    [
        "relu",  # our own loop, which any processor can emulate
        pytest.param(
            "tanh",
            marks=pytest.mark.skipif(
                not choose_precision("cpu").bf16, reason="torch's kernel needs the hardware"
            ),
        ),
    ],
)
def test_training_in_bfloat16(dropping, make_records, activation):
    """Products are rounded, weights are not."""
    rounded, exact = (dropping(activation=activation) for _ in range(2))
    settings = config(epochs=10, learning_rate=0.03)
    half = Precision(bf16=True)
    history = train_network(rounded, make_records(), settings, seed=1, precision=half)
    train_network(exact, make_records(), settings, seed=1)
    assert history[-1].loss < 0.7 * history[0].loss
    assert all(weight.dtype == torch.float32 for weight in rounded.parameters())
    assert not same_weights(rounded, exact)
    records = make_records(seed=7)
    scores = score_records(rounded, records, precision=half)
    exactly = score_records(rounded, records)
    np.testing.assert_allclose(np.exp(scores), np.exp(exactly), atol=0.05)
    assert not np.array_equal(scores, exactly)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("word_rate", -0.1),
        ("weight_decay", 2.0),
        ("warmup", 1.0),
        ("gradient_clip", -1.0),
        ("label_smoothing", 1.0),
        ("patience", -1),
        ("adam_beta2", 1.0),
        ("adam_epsilon", 0.0),
        ("adversarial", -0.1),
    ],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is {value!r}"):
        TrainingConfig(**{name: value})


def test_results_are_plain_values(dropping, make_records):
    (epoch,) = train_network(
        dropping(), make_records(), config(epochs=1), seed=1, validation=make_records(9, 4)
    )
    assert isinstance(epoch, EpochResult)
    assert {type(value) for value in vars(epoch).values()} == {int, float}
