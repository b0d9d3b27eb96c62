import subprocess
import sys
import textwrap

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.explain.replay import replay
from gatewise.store import golden
from gatewise.store.archive import load, save
from gatewise.store.plain_archive import load_plain

CASES = ["modern", "held out", "classic", "minimal", "alone", "integers", "floats"]


@pytest.mark.parametrize("case", CASES)
def test_a_model_as_arrays_has_the_same_probabilities(case, fitted, tmp_path, texts):
    save(fitted(case), tmp_path / "m")
    plain, whole = load_plain(tmp_path / "m"), load(tmp_path / "m")
    assert plain.labels == whole.model_.labels
    assert np.array_equal(plain.classes, whole.classes_)
    found = plain.reference_probabilities(texts)
    np.testing.assert_allclose(found, whole.model_.reference_probabilities(texts), atol=1e-5)


def test_a_replay_needs_neither_torch_nor_scikit_learn(fitted, tmp_path):
    """In a process of its own that cannot import them."""
    save(fitted("modern"), tmp_path / "m")
    program = """
        import sys
        for name in ("torch", "sklearn", "scipy", "gensim", "pandas", "pyarrow"):
            sys.modules[name] = None
        import gatewise
        found = gatewise.replay(gatewise.load_plain(sys.argv[1]), "my card is stuck")
        page = gatewise.replay_page(found)
        print(len(found.tokens), found.difference, page.startswith("<!doctype html>"))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), tmp_path / "m"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["4", "None", "True"], done.stderr


def test_a_changed_model_is_refused(fitted, tmp_path):
    save(fitted("alone"), tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="does not have the SHA-256"):
        load_plain(tmp_path / "m")


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_what_is_no_model_is_refused(name, tmp_path):
    with pytest.raises(ModelFileError, match="saved model"):
        load_plain(tmp_path / name)


def test_other_versions_must_give_the_same_answers(fitted, tmp_path, monkeypatch):
    save(fitted("modern"), tmp_path / "m")
    versions = {**golden.package_versions(), "numpy": "99"}
    monkeypatch.setattr(golden, "package_versions", lambda: versions)
    assert load_plain(tmp_path / "m").labels
    monkeypatch.setattr(golden, "TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match=r"numpy .* is now 99"):
        load_plain(tmp_path / "m")


def test_a_file_that_cannot_be_read_is_named(fitted, tmp_path, monkeypatch):
    save(fitted("alone"), tmp_path / "m")

    def fail(*_):
        raise PermissionError(13, "Permission denied", "labels.json")

    monkeypatch.setattr("gatewise.store.plain_archive.read_plain", fail)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_plain(tmp_path / "m")


def test_a_replay_of_a_loaded_model(fitted, tmp_path):
    save(fitted("held out"), tmp_path / "m")
    found = replay(load(tmp_path / "m"), "my card is stuck since monday")
    again = replay(load_plain(tmp_path / "m"), "my card is stuck since monday")
    assert found.difference <= 1e-5
    assert np.array_equal(found.credits.scores, again.credits.scores)
