"""Training: epochs, schedule, early stopping, checkpoints, precision. Knows nothing of text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.base.config import check_range, check_whole_number
from gatewise.base.errors import ConfigError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.seeding import derive_seed, numpy_generator
from gatewise.network.batch_gradients import BatchGradients
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.early_stopping import has_risen
from gatewise.network.exchange import ALONE, Exchange, Share
from gatewise.network.model import TextNetwork
from gatewise.network.optimiser import NetworkOptimiser, learning_rate_factor
from gatewise.network.precision import Precision, keep_freed_memory
from gatewise.network.scoring import BATCH_SIZE, Records, score_records
from gatewise.network.side_by_side import two_lanes

__all__ = ["EpochResult", "TrainNetwork", "TrainingConfig", "train_network"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes
    ----------
    epochs : int
        Times all records are read, at most.
    batch_size : int
        Records per step.
    learning_rate : float
        At the top of the schedule.
    word_rate : float
        The word vectors' learning rate as a share of it.
    weight_decay : float
        Of the dense weights (AdamW).
    warmup : float
        Share of the steps in which the rate rises; 0 for a constant rate.
    gradient_clip : float
        Largest norm of the gradients; 0 for no limit.
    label_smoothing : float
        Share of the target that is spread over all classes (Szegedy et al. 2016).
    patience : int
        Epochs without a higher held-out accuracy, in the second half of the schedule, after which
        training stops if the held-out loss has risen; 0 for never.
    adam_beta2, adam_epsilon : float
        Of Adam (Kingma & Ba 2015).
    adversarial : float
        How far the vectors of each text are moved towards a larger loss, as a share of their
        length, to learn from the text there too (Miyato et al. 2017); 0: not, which takes half the
        time.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    word_rate: float = 0.1
    weight_decay: float = 0.01
    warmup: float = 0.1
    gradient_clip: float = 1.0
    label_smoothing: float = 0.1
    patience: int = 5
    adam_beta2: float = 0.99
    adam_epsilon: float = 1e-8
    adversarial: float = 0.0

    def __post_init__(self) -> None:
        check_whole_number("epochs", self.epochs, 1, 100_000)
        check_whole_number("batch_size", self.batch_size, 1, 1_000_000)
        check_range("learning_rate", self.learning_rate, 1e-8, 10.0)
        check_range("word_rate", self.word_rate, 0.0, 100.0)
        check_range("weight_decay", self.weight_decay, 0.0, 1.0)
        check_range("warmup", self.warmup, 0.0, 0.9)
        check_range("gradient_clip", self.gradient_clip, 0.0, 1e6)
        check_range("label_smoothing", self.label_smoothing, 0.0, 0.9)
        check_whole_number("patience", self.patience, 0, 100_000)
        check_range("adam_beta2", self.adam_beta2, 0.0, 0.999999)
        check_range("adam_epsilon", self.adam_epsilon, 1e-12, 1.0)
        check_range("adversarial", self.adversarial, 0.0, 10.0)


@dataclass(frozen=True)
class EpochResult:
    """What one epoch brought.

    Attributes
    ----------
    epoch : int
        From 1.
    loss, accuracy : float
        Of the training records, while training (nats; share from 0 to 1).
    validation_loss, validation_accuracy : float or None
        Of the held-out records, after the epoch.
    seconds : float
        Training time of the epoch.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


class TrainNetwork(Protocol):
    """:func:`train_network`, or what does the same by several machines."""

    def __call__(
        self,
        network: TextNetwork,
        records: Records,
        config: TrainingConfig,
        *,
        seed: int,
        validation: Records | None = None,
        precision: Precision | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Progress | None = None,
        stage: str = "training",
    ) -> list[EpochResult]:
        """Train a network in place."""


def train_network(
    network: TextNetwork,
    records: Records,
    config: TrainingConfig,
    *,
    seed: int,
    validation: Records | None = None,
    precision: Precision | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
    stage: str = "training",
    exchange: Exchange = ALONE,
) -> list[EpochResult]:
    """Train a network in place.

    A run that ends by early stopping goes back to its best epoch. One that reaches the end of
    the schedule keeps its last weights: by then the learning rate (where there is a warm-up, it
    falls after that) is zero, and the best of many equal epochs is only the luckiest.

    Parameters
    ----------
    network : TextNetwork
        Starts with the weights it has.
    records : Records
        To learn from.
    config : TrainingConfig
        Epochs, rates, stopping.
    seed : int
        Of the order of the records and of the dropout.
    validation : Records, optional
        Measured after every epoch; needed for early stopping.
    precision : Precision, optional
        Device and number format; default: float32 on the processor.
    checkpoint : Checkpoint, optional
        Written after every epoch; if it holds this stage already, training goes on from there.
    progress : Progress, optional
        Told of every batch.
    stage : str
        Name of this run, for the progress, the checkpoint and the random draws.
    exchange : Exchange
        With the processes that train the same network, each called with the same arguments.

    Returns
    -------
    list of EpochResult
        One per epoch run.

    Raises
    ------
    CheckpointError
        If the checkpoint belongs to other data or settings.
    ConfigError
        If the loss is no number any more: the settings do not fit the data.
    """
    keep_freed_memory()
    trainer = _Trainer(network, records, config, precision or Precision(), seed, stage, exchange)
    trainer.progress = progress or SilentProgress()
    if checkpoint:
        trainer.restore(checkpoint)
    trainer.progress.start(stage, config.epochs * len(records.targets), "records")
    trainer.progress.advance(len(trainer.history) * len(records.targets))
    network.train()
    with two_lanes(trainer.precision.device, wanted=network.fills_two_lanes):
        while not trainer.finished:
            trainer.run_epoch(validation)
            if trainer.finished and validation is None:
                trainer.check_scores()
            if checkpoint:
                trainer.save(checkpoint)
    if trainer.stopped_early:
        network.load_state_dict(trainer.best_weights)
    return trainer.history


class _Trainer:
    """One stage of training and all that must survive a kill."""

    progress: Progress

    def __init__(
        self,
        network: TextNetwork,
        records: Records,
        config: TrainingConfig,
        precision: Precision,
        seed: int,
        stage: str,
        exchange: Exchange,
    ) -> None:
        self.network, self.records, self.config = network, records, config
        self.precision, self.seed, self.stage = precision, seed, stage
        self.exchange = exchange
        self.optimiser = NetworkOptimiser(
            network,
            learning_rate=config.learning_rate,
            word_rate=config.word_rate,
            weight_decay=config.weight_decay,
            gradient_clip=config.gradient_clip,
            beta2=config.adam_beta2,
            epsilon=config.adam_epsilon,
            exchange=exchange,
        )
        self.history: list[EpochResult] = []
        self.best_weights: dict[str, Tensor] = {}
        self.n_batches = len(records.shuffled(config.batch_size, self._generator("count")))

    @property
    def best_epoch(self) -> int:
        """The first of the epochs with the highest validation accuracy, from 1."""
        accuracies = [epoch.validation_accuracy or 0.0 for epoch in self.history]
        return accuracies.index(max(accuracies)) + 1 if accuracies else 0

    @property
    def stopped_early(self) -> bool:
        """Whether the loss had risen, and the accuracy not, for too long before the last epoch."""
        patience = self.config.patience
        # Few records learn nothing to be seen for many epochs: the first half is not judged.
        waited = len(self.history) - max(self.best_epoch, self.config.epochs // 2)
        is_last = len(self.history) >= self.config.epochs
        if not 0 < patience <= waited or is_last or not self.best_weights:
            return False
        return has_risen([epoch.validation_loss or 0.0 for epoch in self.history])

    @property
    def finished(self) -> bool:
        """Whether there is no epoch left to run."""
        return len(self.history) >= self.config.epochs or self.stopped_early

    def run_epoch(self, validation: Records | None) -> None:
        """Read all records once."""
        started = time.perf_counter()
        epoch = len(self.history)
        self.network.train()
        self.network.generator.manual_seed(derive_seed(self.seed, f"{self.stage}/dropout/{epoch}"))
        order = self.records.shuffled(self.config.batch_size, self._generator(f"batches/{epoch}"))
        of_shares = np.zeros((1, 3))  # loss, right answers, records
        for step, numbers in enumerate(order, start=epoch * self.n_batches):
            of_shares = of_shares + self._step(step, numbers)  # (shares, 3)
            self._tell(epoch, of_shares.sum(axis=0), len(numbers))
        self.exchange.check_equal(self.network)
        totals = self.exchange.add(of_shares.sum(axis=0))
        loss, accuracy = float(totals[0] / totals[2]), float(totals[1] / totals[2])
        self._check_finite(f"the loss of epoch {epoch + 1} is {loss}", loss)
        seconds = time.perf_counter() - started
        held_out = self._validate(validation) if validation else (None, None)
        if held_out[0] is not None:
            self._check_finite(
                f"the held-out loss of epoch {epoch + 1} is {held_out[0]}", held_out[0]
            )
        self.history.append(
            EpochResult(epoch + 1, loss, accuracy, held_out[0], held_out[1], seconds)
        )
        if validation and self.config.patience and self.best_epoch == len(self.history):
            state = self.network.state_dict()
            self.best_weights = {name: weight.clone() for name, weight in state.items()}

    def check_scores(self) -> None:
        """Refuse weights that the last step has made useless: no loss was computed with them."""
        longest = self.records.ordered(BATCH_SIZE)[-1]  # where states of relu grow most
        with torch.no_grad(), self.precision.autocast():
            logits = self.network.eval()(self.records.batch(longest))  # (B, C)
        self._check_finite("the scores after the last step are no numbers", float(logits.sum()))

    def _check_finite(self, found: str, number: float) -> None:
        """Refuse to go on with weights that are no numbers; all processes see the same."""
        if not np.isfinite(number):
            raise ConfigError(
                f"training ran away: {found}; choose a learning_rate "
                f"below {self.config.learning_rate:g}, or tanh where the activation is relu"
            )

    def _step(self, step: int, numbers: Numbers) -> NDArray[np.float64]:
        """Learn from one batch: loss, right answers and records of each share, (shares, 3)."""
        n_steps = self.config.epochs * self.n_batches
        # As long as the learning rate rises the network knows too little to be led astray.
        moves = bool(self.config.adversarial) and step >= n_steps * self.config.warmup
        draws = self.network.generator.get_state()
        found = []
        for share in self.exchange.shares(len(numbers)):
            self.network.generator.set_state(draws)  # each draws for the whole batch
            self.optimiser.zero_grad()
            found.append(self._learn(numbers, share, moves=moves))
            self.optimiser.keep_gradients()
        self.optimiser.step(learning_rate_factor(step, n_steps, self.config.warmup))
        return np.array(found)

    def _learn(self, numbers: Numbers, share: Share, *, moves: bool) -> NDArray[np.float64]:
        mine = self._gradients(numbers, share)
        losses, predicted = (
            mine.learn_adversarially(self.config.adversarial) if moves else mine.learn()
        )  # (B,), (B, C)
        right = int((predicted.argmax(dim=1) == mine.targets).sum())
        found = np.array([float(losses.sum()), right, len(losses)])
        return found if share.counts else np.zeros(3)

    def _gradients(self, numbers: Numbers, share: Share) -> BatchGradients:
        device, own = self.precision.device, numbers[share.rows]
        counts = (
            np.ones(len(own), np.float32)
            if self.records.weights is None
            else self.records.weights[own]
        )
        weighted = self.records.weights is not None or not share.counts
        return BatchGradients(
            self.network,
            self.records.batch(own),
            torch.from_numpy(self.records.targets[own]).to(device),  # (B,)
            torch.from_numpy(counts * share.counts).to(device) if weighted else None,  # (B,)
            n_records=len(numbers),
            rows=share.rows,
            precision=self.precision,
            label_smoothing=self.config.label_smoothing,
        )

    def _validate(self, validation: Records) -> tuple[float, float]:
        shares = self.exchange.own(validation.ordered(BATCH_SIZE))
        found = np.array([self._judge(validation, batches) for batches in shares])  # (shares, 3)
        loss, n_right, n_records = self.exchange.add(found.sum(axis=0))
        return float(loss / n_records), float(n_right / n_records)

    def _judge(self, validation: Records, batches: Sequence[Numbers]) -> NDArray[np.float64]:
        """Measure some batches: loss, right answers, records."""
        scores = score_records(self.network, validation, precision=self.precision, batches=batches)
        own = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *batches]))
        of_target = scores[own, validation.targets[own]]
        right = scores[own].argmax(axis=1) == validation.targets[own]
        return np.array([-of_target.sum(), right.sum(), len(own)])

    def _tell(self, epoch: int, totals: NDArray[np.float64], n_records: int) -> None:
        loss, accuracy = totals[:2] / max(1.0, totals[2])
        note = f"epoch {epoch + 1}/{self.config.epochs}  loss {loss:.3f}  accuracy {accuracy:.1%}"
        last = self.history[-1].validation_accuracy if self.history else None
        self.progress.advance(n_records, note + (f"  held out {last:.1%}" if last else ""))

    def save(self, checkpoint: Checkpoint) -> None:
        """Write everything that the next epoch starts from."""
        tensors = {f"weights/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best_weights.items()}
        tensors |= {f"moments/{name}": value for name, value in self.optimiser.state().items()}
        history = [asdict(epoch) for epoch in self.history]
        checkpoint.write(self.stage, tensors, {"history": history})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the last epoch's end, if there is one."""
        found = checkpoint.read(self.stage)
        if found is None:
            return
        tensors, facts = found
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "moments": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            parts[part][name] = tensor
        self.network.load_state_dict(parts["weights"])
        self.optimiser.restore(parts["moments"])
        self.best_weights = parts["best"]
        self.history = [EpochResult(**epoch) for epoch in facts["history"]]

    def _generator(self, name: str) -> np.random.Generator:
        return numpy_generator(self.seed, f"{self.stage}/{name}")
