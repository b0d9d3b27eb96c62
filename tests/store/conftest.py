import functools
import hashlib
import json
import shutil

import numpy as np
import pytest

from gatewise.classify.classifier import TextClassifier
from gatewise.store.archive import save

SMALL = {
    "units": 4,
    "word_dimension": 8,
    "ngram_dimension": 4,
    "projection": 0,
    "epochs": 2,
    "word2vec_passes": 2,
}
CASES = {
    "modern": ("strings", {"validation_fraction": 0.4, "keep_texts": True}),
    "held out": ("strings", {"validation_fraction": 0.4, "projection": 6, "layers": 2}),
    "classic": ("strings", {"recipe": "classic"}),
    "minimal": ("booleans", {"recipe": "minimal"}),
    "alone": ("objects", {"companion": False, "ngram_dimension": 0, "precision": "float32"}),
    "integers": ("integers", {"class_weight": {-3: 2.0, 4: 1.0, 11: 1}, "random_state": 5}),
    "floats": ("floats", {"class_weight": "balanced", "random_state": np.int64(3)}),
}


def _labels(names, kind):
    numbers = [sorted(set(names)).index(name) for name in names]
    return {
        "strings": names,
        "objects": np.array(names, dtype=object),
        "integers": [7 * number - 3 for number in numbers],
        "booleans": [number == 0 for number in numbers],
        "floats": np.array(numbers, dtype=np.float32),
    }[kind]


@pytest.fixture(scope="session")
def cases():
    return list(CASES)


@pytest.fixture(scope="session")
def fit_again(make_tickets):
    def fit(case):
        texts, names = make_tickets(81)
        kind, changes = CASES[case]
        return TextClassifier(**{**SMALL, **changes}).fit(texts, _labels(names, kind))

    return fit


@pytest.fixture(scope="session")
def fitted(fit_again):
    """The classifier of a case. Do not fit or change it."""
    return functools.cache(fit_again)


@pytest.fixture(scope="session")
def texts(make_tickets):
    return [*make_tickets(20)[0], "", "unheard wrods", " ".join(["card"] * 30)]


@pytest.fixture(scope="session")
def saved_models(fitted, tmp_path_factory):
    """Folders of saved models, by case. Do not change them."""
    root = tmp_path_factory.mktemp("models")

    @functools.cache
    def saved(case):
        folder = root / case
        save(fitted(case), folder)
        return folder

    return saved


@pytest.fixture
def model(saved_models, tmp_path):
    """A copy of a saved model."""
    return shutil.copytree(saved_models("modern"), tmp_path / "model")


def _read(path):
    return json.loads(path.read_text("utf-8"))


def _write(path, value):
    """Write as the format says: sorted keys, one space for each level, a line end."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
    path.write_bytes((text + "\n").encode("utf-8"))


@pytest.fixture(scope="session")
def sign():
    """Give a folder a manifest with the right sizes and checksums, as a forger would."""

    def sign(folder, change=lambda manifest: None):
        manifest = _read(folder / "manifest.json")
        for name, entry in manifest["files"].items():
            if (folder / name).is_file():
                content = (folder / name).read_bytes()
                entry["sha256"] = hashlib.sha256(content).hexdigest()
                entry["size"] = len(content)
        change(manifest)
        manifest.pop("checksum", None)
        _write(folder / "manifest.json", manifest)
        digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        _write(folder / "manifest.json", {**manifest, "checksum": digest})

    return sign


@pytest.fixture(scope="session")
def forge(sign):
    """Change a JSON file of a saved model and sign the folder anew."""

    def forge(folder, name, change):
        value = _read(folder / name)
        _write(folder / name, changed if (changed := change(value)) is not None else value)
        sign(folder)

    return forge
