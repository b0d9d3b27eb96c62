"""What runs on the nodes of a cluster that trains one network: workers, and a keeper of files.

The workers do not write. They hand every epoch's checkpoint to a keeper that runs beside the
driver, so no drive has to be shared, and a node that dies takes nothing with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gatewise.base.errors import ClusterError, GatewiseError
from gatewise.base.progress import Part
from gatewise.base.versions import PACKAGES
from gatewise.classify.records import EncodedRecords
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.config import NetworkConfig
from gatewise.network.exchange import Exchange
from gatewise.network.model import build_network
from gatewise.network.precision import Precision, choose_precision
from gatewise.network.scoring import Records
from gatewise.network.training import TrainingConfig, train_network
from gatewise.selection.clusters import check_versions

__all__ = ["Ask", "Event", "Keeper", "TrainingTask", "do_training"]

# A name of Progress's methods, and what it is called with.
Event = tuple[str, tuple[Any, ...]]
# Calls a method of the keeper; what comes back is what that returns.
Ask = Callable[..., Any]

_LOST = "a worker was lost; all go on from the last whole epoch"
_ATTEMPTS = 3
_TELL_EVERY = 0.25  # seconds


@dataclass(frozen=True)
class TrainingTask:
    """One call of :func:`gatewise.network.training.train_network`, for all workers.

    Attributes
    ----------
    network : NetworkConfig
        Sizes and parts.
    weights : dict of str to ndarray
        At the start.
    records, config, seed, validation, stage
        As for :func:`gatewise.network.training.train_network`.
    bf16 : bool
        Matrix products in bfloat16.
    threads : int
        Of each worker.
    versions : mapping of str to str
        On the machine that sends this.
    """

    network: NetworkConfig
    weights: dict[str, NDArray[np.float32]]
    records: Records
    config: TrainingConfig
    seed: int
    validation: Records | None
    stage: str
    bf16: bool
    threads: int
    versions: Mapping[str, str]


class Keeper:
    """Writes checkpoints, and hands on what the workers tell.

    Parameters
    ----------
    checkpoint : Checkpoint
        A folder that the driver sees.
    workers : int
        How many there are.
    """

    def __init__(self, checkpoint: Checkpoint, workers: int) -> None:
        self._checkpoint, self._workers = checkpoint, workers
        self._events: list[Event] = []
        self._fault, self._reason = "", ""
        self._begun, self._in_vain = 0, 0

    def begin(self) -> bool:
        """Say whether the workers, that have just been started, shall train."""
        if self._fault:
            return False
        if self._in_vain >= _ATTEMPTS:
            self.give_up(
                f"the workers ended {self._in_vain} times without finishing an epoch"
                f"{self._reason and f' ({self._reason})'}"
            )
        elif self._begun:
            self._events.append(("message", (_LOST,)))
        else:
            self._events.append(("advance", (self._workers,)))
        self._begun += 1
        self._in_vain += 1
        return not self._fault

    def read(self, stage: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read a checkpoint."""
        return self._checkpoint.read(stage)

    def write(self, stage: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace a checkpoint."""
        try:
            self._checkpoint.write(stage, tensors, facts)
        except OSError as error:
            raise ClusterError(
                f"the checkpoint cannot be written to {self._checkpoint.folder} "
                f"({error.strerror or error}); make room, or write somewhere else"
            ) from error
        self._in_vain = 0

    def tell(self, events: Sequence[Event]) -> bool:
        """Take what happened; say whether to go on."""
        self._events += events
        return not self._fault

    def give_up(self, fault: str) -> None:
        """Let nobody begin any more."""
        self._fault = self._fault or fault

    def failed(self, reason: str) -> None:
        """Take why a worker ended; another attempt may succeed."""
        self._reason = reason

    def news(self) -> tuple[list[Event], str]:
        """Give what happened since the last time, and why nobody shall go on, if so."""
        events, self._events = self._events, []
        return events, self._fault


def do_training(
    task: TrainingTask, ask: Ask, exchange: Exchange, *, first: bool, gpu: bool
) -> None:
    """Train as one of several workers.

    Parameters
    ----------
    task : TrainingTask
        The same for all.
    ask : callable
        Calls a method of the keeper by its name.
    exchange : Exchange
        With the other workers.
    first : bool
        Whether this is the worker that speaks for all.
    gpu : bool
        Compute on a graphics processor.
    """
    goes_on = float(ask("begin")) if first else 0.0
    if not exchange.add(np.array([goes_on]))[0]:
        return
    try:
        _train(task, ask, exchange, first=first, gpu=gpu)
    except GatewiseError as error:
        # The next attempt would end like this one.
        ask("give_up", str(error))
        raise
    except Exception as error:  # most often that another worker is gone
        ask("failed", f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        raise


def _train(task: TrainingTask, ask: Ask, exchange: Exchange, *, first: bool, gpu: bool) -> None:
    check_versions(task.versions, PACKAGES)
    torch.set_num_threads(task.threads)
    wanted = "bfloat16" if task.bf16 else "float32"
    precision = choose_precision("cuda" if gpu else "cpu", wanted)
    # Arrays from the object store cannot be written to, and torch warns of such.
    weights = {name: np.array(array) for name, array in task.weights.items()}
    network = build_network(task.network, weights, seed=task.seed).to(precision.device)
    progress = _FarProgress(ask if first else _unheard)
    train_network(
        network,
        _on(task.records, precision),
        task.config,
        seed=task.seed,
        validation=_on(task.validation, precision) if task.validation is not None else None,
        precision=precision,
        checkpoint=_FarCheckpoint(ask, writes=first),
        progress=progress,
        stage=task.stage,
        exchange=exchange,
    )
    progress.end()


def _on(records: Records, precision: Precision) -> Records:
    if isinstance(records, EncodedRecords):
        return replace(records, device=precision.device)
    return records


class _FarCheckpoint(Checkpoint):
    """The checkpoint as a worker sees it: the keeper's."""

    def __init__(self, ask: Ask, *, writes: bool) -> None:
        self._ask, self._writes = ask, writes

    def write(self, stage: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        if self._writes:
            here = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
            self._ask("write", stage, here, dict(facts))

    def read(self, stage: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        found: tuple[dict[str, Tensor], dict[str, Any]] | None = self._ask("read", stage)
        return found


def _unheard(method: str, events: Sequence[Event]) -> bool:
    """Take what all but the first worker have to tell."""
    return True


class _FarProgress:
    """Tells the keeper, some times a second."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told, self._n_units, self._note = time.monotonic(), 0, ""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self._send(("start", (stage, total, unit)))

    def advance(self, n_units: int, note: str = "") -> None:
        self._n_units += n_units
        self._note = note
        if time.monotonic() - self._told >= _TELL_EVERY:
            self._send()

    def running(self, parts: Sequence[Part], seconds_left: float | None) -> None:
        self._send(("running", (parts, seconds_left)))

    def message(self, text: str) -> None:
        self._send(("message", (text,)))

    def end(self) -> None:
        """Tell what was not told yet."""
        self._send()

    def _send(self, *events: Event) -> None:
        advanced: list[Event] = [("advance", (self._n_units, self._note))] if self._n_units else []
        self._told, self._n_units = time.monotonic(), 0
        if not self._ask("tell", [*advanced, *events]):
            raise ClusterError("the training was stopped")
