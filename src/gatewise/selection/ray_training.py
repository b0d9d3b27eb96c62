"""Training one network by the workers of a Ray cluster, each with a share of every batch."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gatewise.base.config import check_whole_number
from gatewise.base.errors import ClusterError, ConfigError
from gatewise.base.optional import require
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.versions import PACKAGES
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.exchange import ProcessGroup
from gatewise.network.model import TextNetwork
from gatewise.network.precision import Precision
from gatewise.network.scoring import Records
from gatewise.network.training import EpochResult, TrainingConfig, train_network
from gatewise.selection.clusters import join_ray, versions_here
from gatewise.selection.training_worker import Ask, Keeper, TrainingTask, do_training

__all__ = ["RayTraining", "open_ray_training"]

_PURPOSE = "train by the workers of a Ray cluster"
_LOOK_EVERY = 0.25  # seconds
# A worker that dies is noticed at once; this is for a network that swallows what is sent.
_SILENCE = 600  # seconds
_MAX_REASON = 300  # characters
_GO_ON = "; the same command with --resume goes on from the last whole epoch"


class RayTraining:
    """Trains as :func:`gatewise.network.training.train_network` does, by several workers.

    For one number of workers and threads the weights are always the same, also when workers died on
    the way, and those of :func:`gatewise.network.shares.training_in_shares`; up to rounding they
    are those of a process that takes a batch as a whole.

    Parameters
    ----------
    address : str
        ``host:port`` of the cluster. This machine has to be one of its nodes.
    workers : int
        How many processes share each batch.
    threads : int
        Threads, and hence processors, of each of them.
    gpu : bool
        Give each of them a graphics processor.

    Raises
    ------
    ConfigError
        If the cluster does not answer, does not take our token, or is too small.
    MissingExtraError
        If Ray Train is not installed.
    """

    def __init__(self, address: str, workers: int, *, threads: int = 1, gpu: bool = False) -> None:
        check_whole_number("workers", workers, 1, 10_000)
        check_whole_number("threads", threads, 1, 1024)
        # Neither a server for figures that nobody collects, nor folders on every node.
        for name in ("RAY_TRAIN_METRICS_ENABLED", "RAY_CHDIR_TO_TRIAL_DIR"):
            os.environ.setdefault(name, "0")
        self._ray, self._is_ours = join_ray(address)
        self._workers, self._threads, self._gpu = workers, threads, gpu
        try:
            self._train = require("ray.train", extra="ray", purpose=_PURPOSE)
            self._torch = require("ray.train.torch", extra="ray", purpose=_PURPOSE)
            self._check_size(address)
        except BaseException:
            self.close()
            raise

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
        """Train a network in place.

        Parameters
        ----------
        network, records, config, seed, validation, checkpoint, progress, stage
            As for :func:`gatewise.network.training.train_network`. The checkpoint's folder is on
            this machine.
        precision : Precision, optional
            Whether to multiply in bfloat16; the device is that of the workers.

        Returns
        -------
        list of EpochResult
            One per epoch run.

        Raises
        ------
        ClusterError
            If the workers cannot go on.
        CheckpointError
            If the checkpoint belongs to other data or settings.
        """
        precision = precision or Precision()
        task = TrainingTask(
            network=network.config,
            weights=network.arrays(),
            records=records,
            config=config,
            seed=seed,
            validation=validation,
            stage=stage,
            bf16=precision.bf16 and self._gpu == precision.device.startswith("cuda"),
            threads=self._threads,
            versions=versions_here(PACKAGES),
        )
        with tempfile.TemporaryDirectory(prefix="gatewise") as folder:
            kept = checkpoint or Checkpoint(Path(folder) / "checkpoint", "")
            kept.read(stage)  # refuses here what every worker would refuse
            self._run(task, kept, progress or SilentProgress(), Path(folder))
            # All epochs are in the checkpoint: what is left to do is to take them up.
            return train_network(
                network,
                records,
                config,
                seed=seed,
                validation=validation,
                precision=precision,
                checkpoint=kept,
                stage=stage,
            )

    def close(self) -> None:
        """Leave the cluster."""
        if self._is_ours:
            self._ray.shutdown()

    def _run(
        self, task: TrainingTask, checkpoint: Checkpoint, progress: Progress, folder: Path
    ) -> None:
        """Have the workers train, and hand on what they tell meanwhile."""
        progress.start("workers", self._workers, "workers")
        # Beside this process: it writes where this one reads.
        here = {"ray.io/node-id": self._ray.get_runtime_context().get_node_id()}
        keeper = self._ray.remote(Keeper).options(num_cpus=0, label_selector=here)
        keeper = keeper.remote(checkpoint, self._workers)
        given = {"task": self._ray.put(task), "keeper": keeper, "gpu": self._gpu}
        fitting = _Fitting(self._trainer(given, folder))
        try:
            fitting.start()
            while fitting.is_alive():
                fitting.join(_LOOK_EVERY)
                self._hand_on(keeper, progress)
            fault = self._hand_on(keeper, progress)
        except self._ray.exceptions.RayError as error:
            raise ClusterError(f"the Ray cluster is gone ({_told(error)}){_GO_ON}") from error
        except BaseException:
            keeper.give_up.remote("the command was stopped")
            raise
        finally:
            if not fitting.is_alive():
                with contextlib.suppress(self._ray.exceptions.RayError):
                    self._ray.kill(keeper)
        if fitting.error is not None and not fault:
            fault = f"Ray Train has given up ({_told(fitting.error)})"
        if fault:
            raise ClusterError(f"{fault}{_GO_ON}")

    def _trainer(self, given: dict[str, Any], folder: Path) -> Any:
        per_worker = {"CPU": self._threads, **({"GPU": 1} if self._gpu else {})}
        return self._torch.TorchTrainer(
            _work,
            train_loop_config=given,
            scaling_config=self._train.ScalingConfig(
                num_workers=self._workers, use_gpu=self._gpu, resources_per_worker=per_worker
            ),
            # The keeper says when it is enough; it knows whether an epoch was finished in between.
            run_config=self._train.RunConfig(
                storage_path=str(folder),
                failure_config=self._train.FailureConfig(max_failures=-1),
            ),
            torch_config=self._torch.TorchConfig(timeout_s=_SILENCE),
        )

    def _hand_on(self, keeper: Any, progress: Progress) -> str:
        events, fault = self._ray.get(keeper.news.remote())
        for name, arguments in events:
            getattr(progress, name)(*arguments)
        return str(fault)

    def _check_size(self, address: str) -> None:
        """Refuse what no node can do: Ray would wait for further ones for ever."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        room = [int(node.get("CPU", 0)) // self._threads for node in nodes]
        if self._gpu:
            room = [min(n, int(node.get("GPU", 0))) for n, node in zip(room, nodes, strict=True)]
        if sum(room) < self._workers:
            each = f"{self._threads} processors each{' and a GPU' if self._gpu else ''}"
            raise ConfigError(
                f"workers is {self._workers}; the nodes of the Ray cluster at {address!r} have "
                f"room for {sum(room)} with {each}; ask for fewer, or add nodes (ray start)"
            )


@contextlib.contextmanager
def open_ray_training(
    address: str, workers: int, *, threads: int = 1, gpu: bool = False
) -> Iterator[RayTraining]:
    """Be part of a cluster for as long as the block runs; see :class:`RayTraining`."""
    training = RayTraining(address, workers, threads=threads, gpu=gpu)
    try:
        yield training
    finally:
        training.close()


class _Fitting(threading.Thread):
    """Ray Train's own call, which blocks, and would take Ctrl-C for itself."""

    def __init__(self, trainer: Any) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._trainer = trainer

    def run(self) -> None:
        try:
            self._trainer.fit()
        except Exception as error:  # handed to the thread that waits
            self.error = error


def _work(given: Mapping[str, Any]) -> None:
    """Do what Ray Train starts on each node."""
    ray = require("ray", extra="ray", purpose=_PURPOSE)

    exchange = ProcessGroup("cuda" if given["gpu"] else "cpu")
    do_training(
        ray.get(given["task"]),
        _asking(ray, given["keeper"]),
        exchange,
        first=exchange.rank == 0,
        gpu=given["gpu"],
    )


def _asking(ray: Any, keeper: Any) -> Ask:
    def ask(method: str, *arguments: Any) -> Any:
        try:
            return ray.get(getattr(keeper, method).remote(*arguments))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error  # without Ray's own traceback in its words

    return ask


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_REASON]
