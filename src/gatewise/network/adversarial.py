"""Texts moved to where the network does worse (Miyato, Dai & Goodfellow 2017).

A network that also learns from texts whose vectors were moved a little, in the direction in which
its loss grows fastest, does not hang on single numbers of a vector. It is the one regularisation
that improved on dropout here; see "Choices that were measured" in CONTRIBUTING.md.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["moved_vectors"]


def moved_vectors(vectors: Tensor, gradients: Tensor, lengths: Tensor, share: float) -> Tensor:
    """Move the vectors of each text along the gradient of its loss.

    Parameters
    ----------
    vectors : Tensor of shape (B, T, E)
        Of the tokens.
    gradients : Tensor of shape (B, T, E)
        Of the loss, with respect to them.
    lengths : Tensor of int64, shape (B,)
        Tokens of each text; what stands behind them stays where it is.
    share : float
        How far a text is moved: the Euclidean length of the move of all its vectors together, as a
        share of the length of the vectors themselves.

    Returns
    -------
    Tensor of shape (B, T, E)
        A text without a gradient, such as one of weight zero, is not moved.
    """
    wide = torch.promote_types(vectors.dtype, torch.float32)
    places = torch.arange(vectors.shape[1], device=vectors.device)  # (T,)
    is_token = (places < lengths[:, None])[..., None].to(wide)  # (B, T, 1)
    directions = gradients * is_token  # (B, T, E)
    largest = directions.abs().amax(dim=(1, 2), keepdim=True)  # (B, 1, 1)
    # Gradients of texts that are well learnt are so small that their squares are zero.
    directions = torch.where(largest > 0, directions / largest, 0.0)  # (B, T, E)
    wanted = _lengths(vectors * is_token) * share  # (B, 1, 1)
    found = _lengths(directions)  # (B, 1, 1)
    steps = torch.where(found > 0, wanted / found, 0.0)  # (B, 1, 1)
    return vectors + (directions * steps).to(vectors.dtype)  # (B, T, E)


def _lengths(vectors: Tensor) -> Tensor:
    found: Tensor = torch.linalg.vector_norm(vectors, dim=(1, 2), keepdim=True)  # (B, 1, 1)
    return found
