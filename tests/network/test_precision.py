from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest
import torch

from gatewise.base.errors import ConfigError
from gatewise.network.precision import (
    Precision,
    choose_precision,
    give_back_freed_memory,
    keep_freed_memory,
    shed_freed_memory,
)


@pytest.fixture
def processor(monkeypatch):
    """Make a machine without a GPU whose processor can or cannot multiply bfloat16."""

    def make(*, able):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        capabilities = {"avx512_bf16": able, "avx2": True}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)

    return make


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)


@pytest.mark.parametrize(
    ("able", "precision", "bf16"),
    [
        (True, "auto", True),
        (True, "bfloat16", True),
        (True, "float32", False),
        (False, "auto", False),
        (False, "float32", False),
    ],
)
def test_the_format_goes_with_the_processor(processor, able, precision, bf16):
    processor(able=able)
    assert choose_precision("auto", precision) == Precision("cpu", bf16=bf16)
    assert choose_precision("cpu", precision) == Precision("cpu", bf16=bf16)


def test_bfloat16_is_refused_where_it_would_be_emulated(processor):
    processor(able=False)
    with pytest.raises(ConfigError, match="does not multiply in hardware; use 'auto' or 'float32'"):
        choose_precision("cpu", "bfloat16")


def test_a_torch_that_cannot_tell_counts_as_unable(processor, monkeypatch):
    processor(able=True)
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not choose_precision().bf16


def test_a_gpu_is_taken_where_there_is_one(gpu):
    assert choose_precision() == Precision("cuda", bf16=False)
    assert choose_precision("cuda", "bfloat16") == Precision("cuda", bf16=True)
    assert choose_precision("cuda:1", "float32") == Precision("cuda:1", bf16=False)
    assert choose_precision("cpu", "float32") == Precision("cpu")
    with pytest.raises(ConfigError, match="device is 'cuda:2', which this machine does not have"):
        choose_precision("cuda:2", "float32")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps", "gpu", "", "tpu:1", "cpu:x", 0, None])
def test_a_device_that_is_not_there_is_refused(processor, device):
    processor(able=False)
    with pytest.raises(ConfigError) as caught:
        choose_precision(device)
    assert str(caught.value).startswith(f"device is {device!r}, which this machine does not have")


@pytest.mark.parametrize("precision", ["float16", "bf16", None])
def test_an_unknown_format_is_refused(precision):
    with pytest.raises(ConfigError, match="it must be one of 'auto', 'float32', 'bfloat16'"):
        choose_precision("cpu", precision)


def test_the_format_of_matrix_products():
    left, right = torch.randn(3, 4), torch.randn(4, 2)
    with Precision(bf16=True).autocast():
        assert (left @ right).dtype == torch.bfloat16
    with Precision().autocast():
        assert (left @ right).dtype == torch.float32


def test_in_words():
    assert Precision().describe() == "cpu, float32"
    assert Precision("cuda:0", bf16=True).describe() == "cuda:0, bfloat16"


# The C library


def test_freed_memory_is_kept_where_glibc_is():
    glibc = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")
    assert keep_freed_memory() is glibc


def test_both_settings_are_made(monkeypatch):
    calls = []

    class Library:
        def __init__(self, name):
            pass

        def mallopt(self, *arguments):
            calls.append(arguments)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert keep_freed_memory() is True
    assert calls == [(-1, 2**31 - 1), (-4, 0)]


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_another_c_library_is_no_trouble(monkeypatch, error):
    def fail(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert keep_freed_memory() is False
    assert give_back_freed_memory() is False
    assert shed_freed_memory() is False


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of the process")
@pytest.mark.parametrize("give", [give_back_freed_memory, shed_freed_memory])
def test_freed_memory_is_given_back(give):
    def held():
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    if keep_freed_memory():
        blocks = [bytearray(1 << 20) for _ in range(200)]
        del blocks
        before = held()
        assert give() is True
        assert held() < before - 100_000


def test_float32_on_a_gpu_is_not_rounded():
    """cuDNN's own default would be; only here can it be asked for without a card."""
    before = torch.backends.cudnn.allow_tf32
    with Precision("cuda").autocast():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.allow_tf32 == before
