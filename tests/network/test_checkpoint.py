from __future__ import annotations

import errno
import os

import pytest
import torch

from gatewise.base.errors import CheckpointError
from gatewise.network.checkpoint import Checkpoint

FACTS = {"history": [{"epoch": 1, "loss": 0.1 + 0.2}], "words": ["é", "\ud800", "北"]}


def make_tensors():
    generator = torch.Generator().manual_seed(0)
    return {
        "weights/a": torch.randn(3, 4, generator=generator),
        "weights/turned": torch.randn(4, 3, generator=generator).T,
        "moments/0.1.step": torch.tensor(7),
        "empty": torch.zeros(0, 5),
        "double": torch.randn(2, generator=generator, dtype=torch.float64).requires_grad_(),
    }


@pytest.fixture
def checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "kept", "abc")
    checkpoint.write("training", make_tensors(), FACTS)
    return checkpoint


@pytest.fixture
def file(checkpoint):
    return checkpoint.folder / "training.safetensors"


def test_what_is_written_comes_back_bit_for_bit(checkpoint):
    tensors, facts = Checkpoint(checkpoint.folder, "abc").read("training")
    assert facts == FACTS
    expected = make_tensors()
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor, expected[name])


def test_nothing_is_read_where_nothing_was_written(checkpoint, tmp_path):
    assert checkpoint.read("last epochs") is None
    assert Checkpoint(tmp_path / "new", "abc").read("training") is None
    assert (tmp_path / "new").is_dir()


def test_stages_are_kept_apart_and_replaced(checkpoint):
    checkpoint.write("word vectors", {"matrix": torch.ones(2, 2)}, {"n": 1})
    checkpoint.write("training", {"b": torch.zeros(1)}, {"n": 2})
    assert checkpoint.read("word vectors")[1] == {"n": 1}
    tensors, facts = checkpoint.read("training")
    assert (list(tensors), facts) == (["b"], {"n": 2})


def test_another_run_is_refused(checkpoint):
    other = Checkpoint(checkpoint.folder, "abd")
    with pytest.raises(CheckpointError) as caught:
        other.read("training")
    message = str(caught.value)
    assert "belongs to a run with other data, settings, seed or versions" in message
    assert f"delete {checkpoint.folder} to start anew" in message
    assert "\n" not in message


def test_a_file_cut_short_is_refused(checkpoint, file):
    whole = file.read_bytes()
    for size in range(0, len(whole), 7):
        file.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"delete .* to start anew") as caught:
            checkpoint.read("training")
        assert "\n" not in str(caught.value)


def test_a_file_with_one_wrong_byte_is_refused(checkpoint, file):
    """Also where only a number has changed, which safetensors does not notice."""
    whole = file.read_bytes()
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 7
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"delete .* to start anew"):
            checkpoint.read("training")
    file.write_bytes(whole)
    assert checkpoint.read("training")[1] == FACTS


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\xff" * 64])
def test_a_foreign_file_is_refused(checkpoint, file, content):
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        checkpoint.read("training")


def test_what_the_system_refuses_is_told_by_the_name_of_the_file(checkpoint, file, small_files):
    before = file.read_bytes()
    with pytest.raises(OSError, match="too large") as caught:
        checkpoint.write("training", {"a": torch.ones(99_999)}, {})
    assert caught.value.errno == errno.EFBIG
    assert file.name in str(caught.value.filename)
    assert file.read_bytes() == before
    assert [path.name for path in checkpoint.folder.iterdir()] == [file.name]


def test_a_write_that_fails_leaves_the_old_file(checkpoint, file, monkeypatch):
    before = file.read_bytes()

    def fail(source, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write("training", {"a": torch.ones(9)}, {})
    assert file.read_bytes() == before
    assert [path.name for path in checkpoint.folder.iterdir()] == [file.name]
