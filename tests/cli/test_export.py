"""``gatewise export``: to Keras, to ONNX, and to word2vec's readers."""

import numpy as np
import pytest

from gatewise.classify.trained_vectors import trained_vectors
from gatewise.store import onnx_export
from gatewise.store.archive import load
from gatewise.store.keras_model import keras_ids, open_keras
from gatewise.store.plain_archive import load_plain
from gatewise.vectors.word_vectors import read_word_vectors


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_network_for_keras(gatewise, model, tmp_path):
    result = gatewise("export --to keras", model, "--out", tmp_path / "m.keras")
    assert result.exit_code == 0, result.stderr
    assert "not in the file: how texts are cut" in result.stderr
    assert "companion" in result.stderr
    network = open_keras().models.load_model(tmp_path / "m.keras")
    fitted, plain = load(model).model_, load_plain(model)
    texts = [["my", "card"], ["the", "machine", "kept", "my", "card"]]
    expected = np.exp(fitted.logits(texts))
    expected /= expected.sum(axis=1, keepdims=True)
    found = network.predict(keras_ids(plain, texts), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "binary"), [("vectors.txt", False), ("vectors.bin", True)])
def test_the_vectors(gatewise, model, tmp_path, name, binary):
    assert gatewise("export --to word2vec", model, "--out", tmp_path / name).exit_code == 0
    found, expected = read_word_vectors(tmp_path / name), trained_vectors(load(model).model_)
    assert (b"\0" in (tmp_path / name).read_bytes()) is binary
    assert list(found.words) == list(expected.words)
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-6)


def test_the_network_for_onnx(gatewise, model, tmp_path):
    result = gatewise("export --to onnx", model, "--out", tmp_path / "m.onnx")
    assert result.exit_code == 0, result.stderr
    assert "not in the file: how texts are cut" in result.stderr
    assert (tmp_path / "m.onnx").read_bytes() == (model / "model.onnx").read_bytes()


def test_eight_bits_for_onnx(gatewise, fails, model, labelled, tmp_path, monkeypatch):
    columns = f"--data {labelled / 'test.csv'} --text msg --label queue"
    command = f"export --to onnx --int8 {columns}", model, "--out", tmp_path / "m.onnx"
    monkeypatch.setattr(onnx_export, "LARGEST_LOSS", 1.0)
    result = gatewise(*command)
    assert result.exit_code == 0, result.stderr
    assert "accuracy of the network alone on 40 records" in result.stderr
    assert (tmp_path / "m.onnx").read_bytes() != (model / "model.onnx").read_bytes()
    monkeypatch.setattr(onnx_export, "LARGEST_LOSS", -1.0)
    assert "leave out --int8" in fails(*command)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--to onnx --int8", "--int8 goes with --to onnx and with --data"),
        ("--to keras --int8 --data x.csv", "--int8 goes with --to onnx"),
        ("--to onnx --data x.csv", "--data goes with --int8"),
    ],
)
def test_options_that_do_not_go_together(fails, model, tmp_path, options, words):
    assert words in fails(f"export {options}", model, "--out", tmp_path / "m.onnx")


def test_what_cannot_be_done(fails, model, tmp_path):
    told = fails("export --to tensorrt", model, "--out", tmp_path / "x")
    assert told == "to is 'tensorrt'; it must be one of 'keras', 'onnx', 'word2vec'"
    assert "must end in .keras" in fails("export --to keras", model, "--out", tmp_path / "m.h5")
    assert "no folder" in fails("export --to keras", model, "--out", tmp_path / "no" / "m.keras")
    assert "saved model" in fails("export --to keras", tmp_path, "--out", tmp_path / "m.keras")
