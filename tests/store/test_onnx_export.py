"""The graph for other programs; with eight bits only where that costs little."""

import numpy as np
import onnx
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.store import onnx_export
from gatewise.store.onnx_export import write_int8, write_onnx
from gatewise.store.onnx_runtime import onnxruntime
from gatewise.store.plain_archive import load_plain


@pytest.mark.parametrize("case", ["modern", "classic", "held out"])
def test_other_programs_get_the_logits(case, saved_models, tmp_path):
    """With vectors that the network in numpy composes, in float64."""
    model = load_plain(saved_models(case))
    write_onnx(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    tokens = ["the", "machine", "kept", "my", "crad"]
    steps = model.steps(np.arange(len(tokens)))
    vectors = model.vectors(tokens, steps).astype(np.float32)[None]
    feed = {"vectors": vectors, "lengths": np.array([len(steps)], dtype=np.int32)}
    (logits,) = session.run(["logits"], feed)
    np.testing.assert_allclose(logits[0], model.trace(tokens).logits, atol=1e-5)


@pytest.fixture(scope="module")
def records(make_tickets):
    return make_tickets(60, 3)


def test_eight_bits_and_what_they_cost(saved_models, tmp_path, records, monkeypatch):
    monkeypatch.setattr(onnx_export, "LARGEST_LOSS", 0.1)  # four units are few to round
    model, path = load_plain(saved_models("modern")), tmp_path / "m.onnx"
    found = write_int8(model, path, *records)
    graph = onnx.load(path)
    assert "DynamicQuantizeLSTM" in {node.op_type for node in graph.graph.node}
    notes = {one.key: one.value for one in graph.metadata_props}
    assert float(notes["gatewise.accuracy.full"]) == pytest.approx(found.full, abs=1e-6)
    assert float(notes["gatewise.accuracy.int8"]) == pytest.approx(found.int8, abs=1e-6)
    assert notes["gatewise.accuracy.records"] == "60"
    assert notes["gatewise.output"] == "softmax"
    assert "60 records" in found.sentence
    assert onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert list(tmp_path.iterdir()) == [path]


def test_eight_bits_that_cost_too_much_are_refused(saved_models, tmp_path, records, monkeypatch):
    shares = iter([0.9, 0.894])
    monkeypatch.setattr(onnx_export, "_accuracy", lambda *_: next(shares))
    with pytest.raises(ConfigError, match=r"90\.00% with 32 bits, 89\.40% with 8, which is more"):
        write_int8(load_plain(saved_models("modern")), tmp_path / "m.onnx", *records)
    assert not list(tmp_path.iterdir())


def test_there_must_be_something_to_measure_on(saved_models, tmp_path):
    with pytest.raises(DataError, match="no records"):
        write_int8(load_plain(saved_models("modern")), tmp_path / "m.onnx", [], [])


def test_the_accuracy_is_that_of_the_network_alone(saved_models, records):
    model = load_plain(saved_models("modern"))
    content = onnx_export.onnx_bytes(model.network.config, model.network.arrays)
    logits = [model.trace([one.text for one in model.tokens(text)]).logits for text in records[0]]
    answers = np.array(model.labels)[np.argmax(logits, axis=1)]
    expected = (answers == np.array(records[1])).mean()
    assert onnx_export._accuracy(model, content, *records) == pytest.approx(expected)


def test_labels_of_something_else_measure_nothing(saved_models, tmp_path, records):
    """Both would be right about none of them, and so lose nothing."""
    labels = [f"queue {number % 4}" for number in range(len(records[0]))]
    told = r"^none of the 60 records has .* theirs are 'queue 0', 'queue 1', 'queue 2', \.\.\., the"
    with pytest.raises(DataError, match=told):
        write_int8(load_plain(saved_models("modern")), tmp_path / "m.onnx", records[0], labels)
    assert not list(tmp_path.iterdir())
