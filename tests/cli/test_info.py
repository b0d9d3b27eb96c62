"""``gatewise info``: what a model is, and whether it is still the same."""

import shutil

import numpy as np
import pytest

from gatewise.store import archive
from gatewise.store.archive import load


@pytest.fixture(scope="module")
def told(gatewise, model):
    result = gatewise("info", model)
    assert result.exit_code == 0, result.stderr
    return " ".join(result.stdout.split())


def test_labels_sizes_and_versions(told, model):
    fitted = load(model).model_
    n_weights = sum(weights.numel() for weights in fitted.network.parameters())
    for words in [
        "labels 3: balance, card, transfer",
        f"vocabulary {len(fitted.vocabulary.words) - 2} words",
        f"network {n_weights:,} parameters",
        "trained on 160 records",
        "epochs 2 of 2",
        "units 4",
        "word_dimension 8",
        "seed 0",
        f"numpy {np.__version__}",
        "icu4py",
    ]:
        assert words in told


def test_held_out_scores(told, model):
    held_out = load(model).model_.facts["held_out"]
    assert f"held out {held_out['n_records']} records" in told
    assert f"blend {held_out['blend']:.1%}" in told


def test_a_model_is_verified(gatewise, model, told):
    assert "verified" not in told
    result = gatewise("info --verify", model)
    assert result.exit_code == 0
    assert "verified: every file has its checksum" in result.stdout


def test_other_probabilities_are_an_error(fails, model, monkeypatch):
    monkeypatch.setattr(archive, "verify", lambda classifier, folder: 0.25)
    assert "differs by 0.25 from what was saved" in fails("info --verify", model)


def test_a_changed_file_is_an_error(fails, model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    with (copy / "weights.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    assert "SHA-256" in fails("info", copy)


def test_what_is_no_model(fails, tmp_path):
    assert "is not there" in fails("info", tmp_path / "none")
    assert "is not a saved model" in fails("info", tmp_path)
