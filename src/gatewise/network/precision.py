"""Where the network runs and in which number format."""

from __future__ import annotations

import contextlib
import ctypes
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError

__all__ = [
    "Precision",
    "choose_precision",
    "give_back_freed_memory",
    "keep_freed_memory",
    "shed_freed_memory",
]

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_USUAL_TRIM_THRESHOLD, _USUAL_MMAP_MAX = 128 * 1024, 65_536
_LARGEST_INT = (1 << 31) - 1


@dataclass(frozen=True)
class Precision:
    """Device and number format of training and scoring.

    Attributes
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or another of torch's names.
    bf16 : bool
        Matrix products in bfloat16; weights and their updates stay in float32.
    """

    device: str = "cpu"
    bf16: bool = False

    def autocast(self) -> AbstractContextManager[object]:
        """Enter the number format for a forward pass."""
        kind = torch.device(self.device).type
        if self.bf16:
            return torch.autocast(kind, dtype=torch.bfloat16)
        if kind == "cuda":
            # Left to itself, cuDNN rounds the factors of float32 products to 10 bits.
            exact: AbstractContextManager[object] = torch.backends.cudnn.flags(
                enabled=True, deterministic=True, allow_tf32=False
            )
            return exact
        return contextlib.nullcontext()

    def describe(self) -> str:
        """Say it in words, for example ``"cpu, float32"``."""
        return f"{self.device}, {'bfloat16' if self.bf16 else 'float32'}"


def choose_precision(device: str = "auto", precision: str = "auto") -> Precision:
    """Choose device and number format.

    Parameters
    ----------
    device : str
        ``"auto"`` takes a GPU if there is one.
    precision : {"auto", "float32", "bfloat16"}
        ``"auto"`` takes bfloat16 where the processor multiplies it in hardware; on a graphics
        processor float32, since the products of a text classifier are too small to gain by less
        (measured: ``benchmarks/gpu.py``).

    Returns
    -------
    Precision

    Raises
    ------
    ConfigError
        If the device is not there or cannot compute in that format.
    """
    check_choice("precision", precision, ("auto", "float32", "bfloat16"))
    if isinstance(device, str) and device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not _is_there(device):
        raise ConfigError(
            f"device is {device!r}, which this machine does not have; use 'auto' or 'cpu'"
        )
    kind = device.partition(":")[0]
    able = _multiplies_bf16(kind)
    if precision == "bfloat16" and not able:
        raise ConfigError(
            "precision is 'bfloat16', which this processor does not multiply in hardware; "
            "use 'auto' or 'float32'"
        )
    wanted = precision == "bfloat16" or (precision == "auto" and kind == "cpu")
    return Precision(device, bf16=able and wanted)


def _is_there(device: object) -> bool:
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    numbered = {f"cuda:{number}" for number in range(n_gpus)}
    return isinstance(device, str) and (
        device in ("cpu", "cpu:0") or device in numbered or (device == "cuda" and n_gpus > 0)
    )


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed blocks for the next step instead of unmapping them.

    Each training step frees and takes the same megabytes; handing the pages back and having
    them zeroed anew was about a fifth of the time of an LSTM step on texts of 100 tokens, and
    nothing to speak of on texts of 12. Only glibc has the setting.

    Returns
    -------
    bool
        Whether it was set.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows
        return False
    kept = mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
    return bool(mallopt(_M_MMAP_MAX, 0) and kept)


def give_back_freed_memory() -> bool:
    """Hand the blocks that were kept back to the system, and keep none from here on.

    Stages other than training take large blocks once, and of a heap with holes few are given back.

    Returns
    -------
    bool
        Whether the C library has anything to give back.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_TRIM_THRESHOLD, _USUAL_TRIM_THRESHOLD)
        library.mallopt(_M_MMAP_MAX, _USUAL_MMAP_MAX)
        return bool(library.malloc_trim(0))
    except (AttributeError, OSError, TypeError):  # as above
        return False


def shed_freed_memory() -> bool:
    """Hand what is free now back to the system, while training goes on keeping its own.

    For work beside training that takes large blocks once: they would be kept as well.

    Returns
    -------
    bool
        Whether the C library had anything to give back.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):  # as above
        return False


def _multiplies_bf16(kind: str) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
