"""One seed -> one named random generator per consumer.

Every consumer derives its own stream from the seed and its own name, so that adding a
consumer, or drawing more numbers in one, never changes what another one draws.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["MAX_SEED", "derive_seed", "numpy_generator"]

MAX_SEED = 2**32 - 1


def derive_seed(seed: int, name: str) -> int:
    """Derive the seed of one named consumer.

    Parameters
    ----------
    seed : int
        The user's seed, 0 to 2**32 - 1.
    name : str
        The consumer, for example ``"word2vec"``.

    Returns
    -------
    int
        A seed from 0 to 2**31 - 1 (the range that every library in use accepts).
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1


def numpy_generator(seed: int, name: str) -> np.random.Generator:
    """Make the numpy generator of one named consumer."""
    return np.random.default_rng(derive_seed(seed, name))
