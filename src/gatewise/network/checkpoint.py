"""What training needs to go on after a kill: one file per stage, replaced after every epoch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gatewise.base.errors import CheckpointError
from gatewise.base.files import atomic_open
from gatewise.base.tensor_files import system_errors

__all__ = ["Checkpoint"]


class Checkpoint:
    """A folder of tensors with a note of which run they belong to.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    fingerprint : str
        Of the data, the settings, the seed and the versions; another one is refused.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, stage: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace what is kept for a stage, atomically.

        Parameters
        ----------
        stage : str
            Which part of the work, for example ``"training"``.
        tensors : mapping of str to Tensor
            Weights, moments, vectors.
        facts : mapping
            Anything that JSON can hold.
        """
        metadata = {"fingerprint": self.fingerprint, "facts": json.dumps(dict(facts))}
        contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        metadata["sha256"] = _digest(contiguous, metadata)
        with atomic_open(self._path(stage), "wb") as stream:
            # To the file at once: as bytes it would take the memory of all tensors once more.
            with system_errors(Path(stream.name)):
                safetensors.torch.save_file(contiguous, stream.name, metadata)
            with open(stream.name, "rb") as written:
                os.fsync(written.fileno())

    def read(self, stage: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read what is kept for a stage; None if nothing is.

        Raises
        ------
        CheckpointError
            If it belongs to another run or cannot be read.
        """
        path = self._path(stage)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} cannot be read as a checkpoint ({error}); delete {self.folder} to start "
                "anew"
            ) from error
        if metadata.pop("sha256", "") != _digest(tensors, metadata):
            raise CheckpointError(
                f"{path} is damaged (its checksum is wrong); delete {self.folder} to start anew"
            )
        if metadata["fingerprint"] != self.fingerprint:
            raise CheckpointError(
                f"{path} belongs to a run with other data, settings, seed or versions; repeat that "
                f"run's command to go on with it, or delete {self.folder} to start anew"
            )
        return tensors, json.loads(metadata["facts"])

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.safetensors"


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Compute the SHA-256 of all that a file holds: safetensors itself notices few changes."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].cpu().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.reshape(-1).data)
    return digest.hexdigest()
