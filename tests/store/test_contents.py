import copy
import json
import random

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.network.precision import Precision
from gatewise.store.contents import read_contents, write_contents
from gatewise.store.manifest import SIZE_LIMITS, check_folder

DOCUMENTS = ["config.json", "labels.json", "vocabulary.json", "calibration.json"]
ODD = [
    None,
    True,
    -1,
    0,
    1,
    2.5,
    1e300,
    10**30,
    "",
    "x",
    "nan",
    "os.system",
    [],
    [[]],
    {},
    {"a": 1},
]


def read(folder):
    return read_contents(folder, check_folder(folder))


def refused(folder):
    with pytest.raises(ModelFileError) as error:
        read(folder)
    return str(error.value)


@pytest.mark.parametrize("case", ["modern", "alone"])
def test_contents_come_back(case, fitted, tmp_path, texts):
    write_contents(fitted(case), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    left_out = {"ngrams.safetensors", "scope.safetensors", "held_out.safetensors", "texts.json"}
    assert names == set(SIZE_LIMITS) - (left_out if case == "alone" else set())
    found = read(tmp_path)
    assert found.model_.precision == Precision("cpu", bf16=False)
    assert {parameter.device.type for parameter in found.model_.network.parameters()} == {"cpu"}
    expected = fitted(case).predict_proba(texts)
    np.testing.assert_allclose(found.predict_proba(texts), expected, atol=0.02)


def test_the_companion_is_whole_or_absent(model, forge, sign):
    forge(model, "vocabulary.json", lambda words: words.update(companion=None))
    message = refused(model)
    assert "ngrams.safetensors has a companion" in message
    assert "vocabulary.json has none" in message


def test_the_companions_arrays_may_not_be_missing(model, sign):
    (model / "ngrams.safetensors").unlink()
    sign(model, lambda manifest: manifest["files"].pop("ngrams.safetensors"))
    assert "vocabulary.json has a companion" in refused(model)


def drop_last(name):
    def change(values):
        del values[name][-1]

    return change


def drop_word(words):
    words["words"].pop()
    words["counts"].pop()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("vocabulary.json", drop_word, "says that n_words is"),
        ("vocabulary.json", drop_last("ngrams"), "says that n_ngrams is"),
        ("vocabulary.json", drop_last("companion"), "for 'idf' according to the manifest"),
        ("labels.json", drop_last("values"), "says that n_classes is 3, but"),
        (
            "calibration.json",
            lambda found: found["blend"].update(ngram_weight=2),
            "ngram_weight is 2",
        ),
        (
            "calibration.json",
            lambda found: found["blend"].update(novel=2),
            "entry 'novel' in Blend",
        ),
        ("calibration.json", lambda found: found.__delitem__("decision"), "decision"),
        (
            "calibration.json",
            lambda found: found["decision"].update(abstain_below=2),
            "abstain_below is 2",
        ),
        ("config.json", lambda config: config["network"].update(n_classes=4), "n_classes is 4"),
        ("config.json", lambda config: [], "where the configuration should be"),
    ],
)
def test_files_that_contradict_each_other_are_refused(name, change, reason, model, forge):
    forge(model, name, change)
    assert reason in refused(model)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def replaced(value, path, item):
    if not path:
        return item
    value = copy.copy(value)
    value[path[0]] = replaced(value[path[0]], path[1:], item)
    return value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_forged_value_ends_in_another_error(name, model, forge):
    """With right checksums and a wrong value anywhere: a model, or one sentence that names it."""
    generator = random.Random(5)
    whole = json.loads((model / name).read_text("utf-8"))
    everywhere = list(places(whole))
    odd_values = [
        replaced(whole, generator.choice(everywhere), generator.choice(ODD)) for _ in range(60)
    ]
    messages = [sentence(model, name, value, forge) for value in odd_values]
    refusals = [message for message in messages if message]
    assert len(refusals) > 20
    assert all(str(model / name) in message for message in refusals)


def sentence(model, name, value, forge):
    forge(model, name, lambda _: value)
    try:
        read(model)
    except ModelFileError as error:
        return str(error)
    return None
