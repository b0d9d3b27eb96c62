import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.network.precision import Precision
from gatewise.store import golden
from gatewise.store.golden import (
    TOLERANCE,
    changes_since,
    check_golden,
    golden_difference,
    golden_texts,
    golden_to_json,
)
from gatewise.store.manifest import Manifest, current_tokenizer
from gatewise.store.settings import encode
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import Vocabulary

WORDS = ["card", "machine", "money", "a"]
VOCABULARY = Vocabulary(WORDS, [3, 2, 1, 1])


def test_the_texts_are_of_every_kind():
    texts = golden_texts(VOCABULARY, 0, max_length=40)
    assert len(texts) == 50
    assert texts[0] == ""
    assert not set(tokenize(texts[1])) & set(WORDS)
    assert len(tokenize(texts[1])) == 5
    assert len(tokenize(texts[2])) > 40
    tokens = [token for text in texts[2:] for token in tokenize(text)]
    known = np.mean([token in WORDS for token in tokens])
    assert 0.6 < known < 0.9
    near = {"caard", "crad", "car", "mahcine", "moneyy", "mone", "aa"}
    assert len(near & set(tokens)) > 3


def test_the_texts_depend_on_seed_and_words_alone():
    assert golden_texts(VOCABULARY, 0, 40) == golden_texts(VOCABULARY, 0, 40)
    assert golden_texts(VOCABULARY, 0, 40) != golden_texts(VOCABULARY, 1, 40)


def test_there_are_texts_without_any_word():
    texts = golden_texts(Vocabulary([], []), 0, 10)
    assert len(texts) == 50
    assert all(tokenize(text) for text in texts[1:])


def test_no_text_is_endless():
    texts = golden_texts(VOCABULARY, 0, max_length=1_000_000)
    assert max(len(tokenize(text)) for text in texts) <= 401


def test_scripts_without_spaces_are_written_without():
    texts = golden_texts(Vocabulary(["銀行", "口座", "ATM"], [1, 1, 1]), 0, 10)
    assert any("銀行口座" in text for text in texts)
    assert any("ATM " in text for text in texts)


@pytest.fixture
def path(fitted, tmp_path):
    path = tmp_path / "golden.json"
    path.write_bytes(encode(golden_to_json(fitted("modern").model_)))
    return path


def test_a_model_gives_its_own_golden_answers(fitted, path):
    model = fitted("modern").model_
    assert golden_difference(model, path) == 0.0
    values = golden_to_json(model)
    expected = fitted("modern").predict_proba(values["texts"])
    np.testing.assert_allclose(values["probabilities"], expected, atol=0.02)


def test_another_model_does_not(fitted, path):
    model = fitted("modern").model_
    changed = dataclasses.replace(
        model, blend=dataclasses.replace(model.blend, blend_temperature=2.0)
    )
    assert golden_difference(changed, path) > 0.01


def test_the_number_format_makes_no_difference(fitted, path):
    model = dataclasses.replace(fitted("modern").model_, precision=Precision("cpu", bf16=True))
    assert golden_difference(model, path) == 0.0


def test_a_network_elsewhere_is_scored_on_the_processor(fitted, path, monkeypatch):
    """There is no GPU here, so a network that says it lies on one stands in for it."""
    model = fitted("modern").model_

    class Elsewhere(SimpleNamespace):
        def arrays(self):
            return model.network.arrays()

    words = SimpleNamespace(weight=SimpleNamespace(device=SimpleNamespace(type="cuda")))
    network = Elsewhere(words=words, config=model.network.config)
    moved = dataclasses.replace(model, network=network, precision=Precision("cuda", bf16=True))
    assert golden_difference(moved, path) == 0.0


@pytest.mark.parametrize(
    "values",
    [
        {"texts": [], "probabilities": []},
        {"texts": ["a"], "probabilities": [[0.5, 0.5]]},
        {"texts": ["a", "b"], "probabilities": [[0.5, 0.25, 0.25]]},
        {"texts": ["a"], "probabilities": [["x", "y", "z"]]},
        {"texts": ["a"], "probabilities": [[0.5], [0.25, 0.25]]},
        {"texts": ["a"], "probabilities": {"a": 1}},
        {"texts": ["a"], "probabilities": None},
        {"texts": ["a"], "probabilities": [[10**400, 0, 0]]},
        {"texts": ["a"], "probabilities": [["nan", "nan", "nan"]]},
        {"texts": ["a"], "probabilities": [[2.0, -0.5, -0.5]]},
        {"texts": [1], "probabilities": [[0.5, 0.25, 0.25]]},
        {"texts": ["a"]},
    ],
)
def test_golden_texts_of_another_form_are_refused(values, fitted, path):
    path.write_bytes(encode(values))
    with pytest.raises(ModelFileError, match=r"golden\.json"):
        golden_difference(fitted("modern").model_, path)


def manifest(**versions):
    return Manifest(
        versions={**golden.package_versions(), **versions},
        tokenizer=current_tokenizer("auto"),
        seed=0,
        files={},
    )


def test_changes_are_told():
    assert changes_since(manifest()) == []
    assert len(changes_since(manifest(torch="1.0", numpy="1.26"))) == 2
    assert changes_since(manifest(other="1.0")) == ["other 1.0 is now none"]
    older = dataclasses.replace(manifest(), tokenizer=golden.Tokenizer("auto", "70.1", "13.0.0"))
    assert [change.split(" is now")[0] for change in changes_since(older)] == [
        "ICU 70.1",
        "Unicode 13.0.0",
    ]


def shift(path, model, by):
    values = golden_to_json(model)
    values["probabilities"][3][1] += by
    path.write_bytes(encode(values))


def test_without_changes_nothing_is_read(fitted, tmp_path):
    check_golden(fitted("modern").model_, manifest(), tmp_path / "nowhere.json")


def test_small_differences_pass_after_a_change(fitted, path):
    model = fitted("modern").model_
    shift(path, model, 0.9 * TOLERANCE)
    check_golden(model, manifest(torch="1.0"), path)


@pytest.mark.parametrize(
    ("versions", "remedy"),
    [
        ({"torch": "1.0+cpu", "numpy": "1.26.4"}, "type: pip install torch==1.0 numpy==1.26.4"),
        ({"gatewise": "0.0.1"}, "type: pip install gatewise==0.0.1"),
        ({"evil": "1.0"}, "use the Python it was saved with"),
    ],
)
def test_large_differences_are_refused_after_a_change(versions, remedy, fitted, path):
    model = fitted("modern").model_
    shift(path, model, 1.1 * TOLERANCE)
    with pytest.raises(ModelFileError) as error:
        check_golden(model, manifest(**versions), path)
    assert "differ by up to 0.00011" in str(error.value)
    assert str(error.value).endswith(remedy)
