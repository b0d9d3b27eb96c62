"""A network <-> its arrays."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.store.arrays import TABLES, Array

__all__ = ["build_network", "network_arrays"]


def network_arrays(network: TextNetwork) -> tuple[dict[str, Array], dict[str, Array]]:
    """Take the vectors, and all other weights, out of a network."""
    arrays = {
        name: tensor.detach().cpu().contiguous().numpy()
        for name, tensor in network.state_dict().items()
    }
    tables = {name: arrays.pop(name) for name in TABLES if name in arrays}
    return tables, arrays


def build_network(config: NetworkConfig, arrays: Mapping[str, Array], *, seed: int) -> TextNetwork:
    """Make a network of these weights, on the processor."""
    network = TextNetwork(config, seed=seed)
    # Copies in torch's own memory: it lies on the boundaries that give the same last bits.
    tensors = {name: torch.from_numpy(array).clone() for name, array in arrays.items()}
    network.load_state_dict(tensors, assign=True)
    return network.eval()
