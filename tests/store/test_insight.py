"""The index, the references and the held-out scores come back, or are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from gatewise.base.errors import ModelFileError
from gatewise.explain.replay import replay
from gatewise.network.precision import Precision
from gatewise.store.archive import load
from gatewise.store.insight import HELD_OUT, INDEX, SCOPE, TEXTS
from gatewise.store.plain_archive import load_plain


def refused(folder):
    with pytest.raises(ModelFileError) as error:
        load(folder)
    return str(error.value)


@pytest.fixture
def forge_arrays(sign):
    """Change the arrays of a file, and sign the folder as a forger would."""

    def forge(folder, name, **changes):
        arrays = safetensors.numpy.load_file(folder / name) | changes
        arrays = {key: array for key, array in arrays.items() if array is not None}
        safetensors.numpy.save_file(arrays, folder / name)
        codes = {"float32": "F32", "int64": "I64", "float64": "F64"}
        tensors = {
            key: {"dtype": codes[str(array.dtype)], "shape": list(array.shape)}
            for key, array in arrays.items()
        }
        sign(folder, lambda manifest: manifest["files"][name].update(tensors=tensors))

    return forge


def test_without_torch_the_score_is_the_same(model, texts):
    whole, plain = load(model), load_plain(model)
    whole.model_ = replace(whole.model_, precision=Precision())
    expected = whole.read(texts).in_scope
    found = []
    for text in texts:
        tokens = [token.text for token in plain.tokens(text)]
        margins = plain.ngrams.scores([tokens])
        found.append(plain.in_scope(tokens, plain.trace(tokens), margins))
    assert np.array(found) == pytest.approx(expected, abs=1e-4)


def test_a_model_without_references_has_no_score(saved_models):
    plain = load_plain(saved_models("classic"))
    assert plain.scope is None
    tokens = ["card"]
    assert plain.in_scope(tokens, plain.trace(tokens), None) is None


def test_a_replay_does_not_need_them(model):
    assert replay(load_plain(model), "my card is stuck").label


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        (INDEX, {"rows": np.full(81, -1)}, "numbers of records or classes that there are not"),
        (INDEX, {"targets": np.full(81, 3)}, "numbers of records or classes that there are not"),
        (INDEX, {"targets": np.zeros(81, np.float32)}, "F32 of shape (81,) for 'targets'"),
        (INDEX, {"rows": np.zeros(80, np.int64)}, "I64 of shape (80,) for 'rows'"),
        (INDEX, {"center": np.zeros(4, np.float32)}, "F32 of shape (4,) for 'center'"),
        (INDEX, {"points": None}, "has no 'points' of 2 dimensions"),
        (INDEX, {"points": np.full((81, 16), np.nan, np.float32)}, "not finite"),
        (SCOPE, {"sums": None}, "has no 'sums' of 1 dimensions"),
        (SCOPE, {"lead": np.zeros(3, np.float32)}, "F32 of shape (3,) for 'lead'"),
        (SCOPE, {"sums": -np.arange(32, dtype=np.float32)}, "has 'sums' out of order"),
        (SCOPE, {"novel": np.zeros(3, np.float32)}, "for 'novel'"),
        (HELD_OUT, {"network": np.zeros((33, 2), np.float32)}, "F32 of shape (33, 2)"),
        (HELD_OUT, {"targets": np.full(33, 7)}, "numbers of records or classes"),
        (HELD_OUT, {"rows": None}, "has no 'rows' of 1 dimensions"),
    ],
)
def test_forged_arrays_are_refused(name, changes, reason, model, forge_arrays):
    n_scope = len(safetensors.numpy.load_file(model / SCOPE)["sums"])
    changes = {
        key: -np.arange(n_scope, dtype=np.float32) if key == "sums" and array is not None else array
        for key, array in changes.items()
    }
    forge_arrays(model, name, **changes)
    message = refused(model)
    assert reason in message
    assert str(model / name) in message


def test_references_of_nothing_are_refused(model, forge_arrays):
    kinds = dict.fromkeys(("probability", "lead", "nearness", "familiarity"))
    forge_arrays(model, SCOPE, **kinds)
    assert "no references that a fit could have left behind" in refused(model)


def test_a_score_that_wants_what_is_not_there_is_refused(model, sign):
    for name in (INDEX, TEXTS):
        (model / name).unlink()
    sign(model, lambda manifest: [manifest["files"].pop(name) for name in (INDEX, TEXTS)])
    assert f"{model / SCOPE} wants the nearness of a text" in refused(model)


def test_held_out_scores_belong_to_their_source(model, forge, sign):
    forge(model, "calibration.json", lambda found: found.update(held_out=None))
    assert "says that held-out records come from None" in refused(model)
    forge(model, "calibration.json", lambda found: found.update(held_out="elsewhere"))
    assert "held-out records from 'elsewhere', which is no source" in refused(model)
    forge(model, "calibration.json", lambda found: found.update(held_out="folds"))
    assert load(model).model_.held_out.source == "folds"
    (model / HELD_OUT).unlink()
    sign(model, lambda manifest: manifest["files"].pop(HELD_OUT))
    assert "is missing" in refused(model)


def test_texts_belong_to_the_index(model, forge, sign):
    forge(model, TEXTS, lambda texts: texts[:-1])
    assert "has 80 texts for 81 records" in refused(model)
    forge(model, TEXTS, lambda texts: [1] * 81)
    assert "something else than a list of strings" in refused(model)
    (model / INDEX).unlink()
    sign(model, lambda manifest: manifest["files"].pop(INDEX))
    assert f"{TEXTS} belongs to" in refused(model)


def test_texts_are_kept_as_they_were(model, make_tickets):
    texts = json.loads((model / TEXTS).read_text("utf-8"))
    assert texts == make_tickets(81)[0]


def test_a_report_goes_with_the_model_it_was_of(model, fitted):
    from gatewise.store.archive import save

    (model / "report.html").write_text("of the old one")
    load(model)
    save(fitted("modern"), model)
    assert not (model / "report.html").exists()
