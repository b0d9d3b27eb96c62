"""``load_predictor``: the probabilities of the whole model, without what it was made with."""

import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import onnx
import pytest

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.network.precision import Precision
from gatewise.store import golden, predictor_archive
from gatewise.store.archive import load
from gatewise.store.predictor_archive import load_predictor

CASES = ["modern", "held out", "classic", "minimal", "alone", "integers", "floats"]


def load_exact(folder):
    """The whole model, without bfloat16 where the machine has it."""
    classifier = load(folder)
    classifier.model_ = replace(classifier.model_, precision=Precision())
    return classifier


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_said_of_a_text_is_the_same(case, saved_models, texts):
    predictor, whole = load_predictor(saved_models(case)), load_exact(saved_models(case))
    found, expected = predictor.read(texts), whole.read(texts)
    for name in ("lstm", "ngrams", "blend"):
        one, other = getattr(found.parts, name), getattr(expected.parts, name)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.dtype == np.float64
            np.testing.assert_allclose(np.exp(one), np.exp(other), atol=1e-5)
    assert (found.in_scope is None) == (expected.in_scope is None)
    if found.in_scope is not None:
        np.testing.assert_allclose(found.in_scope, expected.in_scope, atol=1e-4)
    np.testing.assert_array_equal(found.answers, expected.answers)
    assert (found.points is None) == (expected.points is None)
    if found.points is not None:
        np.testing.assert_allclose(found.points, expected.points, atol=1e-4)
    np.testing.assert_array_equal(predictor.predict(texts), whole.predict(texts))
    np.testing.assert_array_equal(
        predictor.predict(texts, abstain=True), whole.predict(texts, abstain=True)
    )
    assert predictor.labels == whole.model_.labels
    assert predictor.classes.dtype == whole.classes_.dtype


@pytest.mark.parametrize("case", ["modern", "classic", "alone"])
def test_eight_bits_say_nearly_the_same(case, saved_models, texts):
    full, int8 = (load_predictor(saved_models(case), int8=int8) for int8 in (False, True))
    found, expected = int8.read(texts).parts, full.read(texts).parts
    differences = np.abs(np.exp(found.lstm) - np.exp(expected.lstm))
    assert 0 < differences.max() < 0.05
    if expected.ngrams is not None:
        np.testing.assert_array_equal(found.ngrams, expected.ngrams)


def test_it_needs_neither_torch_nor_scikit_learn(saved_models):
    """In a process of its own that cannot import them, nor what writes ONNX files."""
    program = """
        import sys
        for name in ("torch", "sklearn", "scipy", "gensim", "pandas", "pyarrow", "onnx"):
            sys.modules[name] = None
        import gatewise
        model = gatewise.load_predictor(sys.argv[1])
        reading = model.read(["my card is stuck", "what is my balance"])
        print(reading.parts.blend.shape, len(model.predict([])))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), saved_models("modern")],
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["(2,", "3)", "0"], done.stderr


def test_a_changed_model_is_refused(model):
    content = bytearray((model / "model.onnx").read_bytes())
    content[-1] ^= 1
    (model / "model.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.onnx does not have the SHA-256"):
        load_predictor(model)


def forged_graphs():
    """Ways to do harm with an ONNX file."""

    def elsewhere(graph):
        tensor = graph.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")

    def huge(graph):
        graph.graph.initializer[0].dims[0] = 1 << 40

    def foreign(graph):
        graph.graph.node[0].op_type, graph.graph.node[0].domain = "Shell", "org.example"

    def one_more(graph):
        graph.graph.node.add(op_type="Identity", input=["logits"], output=["more"])

    return [elsewhere, huge, foreign, one_more]


@pytest.mark.parametrize("change", forged_graphs())
def test_a_graph_from_elsewhere_is_refused_however_it_is_signed(change, model, sign, monkeypatch):
    graph = onnx.load(model / "model.onnx")
    change(graph)
    (model / "model.onnx").write_bytes(graph.SerializeToString())
    sign(model)
    monkeypatch.setattr(predictor_archive, "make_predictor", lambda *_, **__: pytest.fail("given"))
    with pytest.raises(ModelFileError, match=r"model\.onnx is not the graph of the weights"):
        load_predictor(model)


def test_a_graph_of_another_version_is_never_given_to_onnx_runtime(model, sign, texts):
    """What it would do with these bytes does not matter: it gets our own."""
    expected = load_predictor(model).predict_proba(texts)
    (model / "model.onnx").write_bytes(b"anything")
    sign(model, lambda manifest: manifest["versions"].update(gatewise="0.0.1"))
    np.testing.assert_array_equal(load_predictor(model).predict_proba(texts), expected)


def test_other_versions_must_give_the_same_answers(model, monkeypatch):
    versions = {**golden.package_versions(), "numpy": "99"}
    monkeypatch.setattr(golden, "package_versions", lambda: versions)
    assert load_predictor(model).labels
    monkeypatch.setattr(golden, "TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match=r"numpy .* is now 99"):
        load_predictor(model)


def test_several_threads_give_the_same(model, texts):
    one, more = load_predictor(model), load_predictor(model, threads=2)
    np.testing.assert_allclose(one.predict_proba(texts), more.predict_proba(texts), atol=1e-6)
    with pytest.raises(ConfigError, match="threads is 0"):
        load_predictor(model, threads=0)


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_what_is_no_model_is_refused(name, tmp_path):
    with pytest.raises(ModelFileError, match="saved model"):
        load_predictor(tmp_path / name)


def test_a_file_that_cannot_be_read_is_named(model, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "labels.json")

    monkeypatch.setattr(predictor_archive, "read_plain", fail)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_predictor(model)


def test_texts_are_classified_on_the_command_line_without_either(saved_models, tmp_path):
    (tmp_path / "texts.csv").write_text("text\nmy card is stuck\n\nwhat is my balance\n")
    program = """
        import sys
        for name in ("torch", "sklearn", "scipy", "gensim", "pandas", "pyarrow", "onnx"):
            sys.modules[name] = None
        from gatewise.cli.main import run
        sys.argv = ["gatewise", "predict", *sys.argv[1:]]
        run()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), saved_models("modern"), "texts.csv"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    header, first, *_ = done.stdout.splitlines()
    assert header.startswith("text,predicted,probability")
    assert first.startswith("my card is stuck,")
    assert "2 of 2 rows answered" in done.stderr
