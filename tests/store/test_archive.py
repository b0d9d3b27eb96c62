import copy
import dataclasses
import getpass
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import gatewise
from gatewise.base import files
from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.decision import Decision
from gatewise.classify.model import FittedModel
from gatewise.network.precision import Precision
from gatewise.store import archive, contents, golden
from gatewise.store.archive import load, save, verify
from gatewise.store.plain_archive import load_plain

SOURCES = Path(files.__file__).parents[2]
CASES = ["modern", "held out", "classic", "minimal", "alone", "integers", "floats"]


def contents_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def refused(folder):
    """The sentence with which a folder is refused."""
    with pytest.raises(ModelFileError) as error:
        load(folder)
    message = str(error.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def changed(values, **changes):
    values.update(changes)


# round trip


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_classifier_gives_the_same_bits(case, cases, fitted, saved_models, texts):
    assert set(cases) == set(CASES)
    before, after = fitted(case), load(saved_models(case))
    for part in ("lstm", "ngrams", "blend"):
        expected, found = (getattr(each.predict_parts(texts), part) for each in (before, after))
        np.testing.assert_array_equal(found, expected)
    assert after.predict(texts).tolist() == before.predict(texts).tolist()
    assert verify(after, saved_models(case)) == verify(before, saved_models(case)) == 0.0


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_classifier_has_all_that_fit_left(case, fitted, saved_models):
    before, after = fitted(case), load(saved_models(case))
    assert vars(after).keys() == vars(before).keys()
    assert after.classes_.dtype == before.classes_.dtype
    assert after.classes_.tolist() == before.classes_.tolist()
    assert after.recipe_ == before.recipe_ == after.model_.recipe
    assert after.get_params() == before.get_params()


@pytest.mark.parametrize("case", CASES)
def test_every_field_of_the_model_comes_back(case, fitted, saved_models):
    before, after = fitted(case).model_, load(saved_models(case)).model_
    compared = {
        "recipe": lambda model: model.recipe,
        "language": lambda model: model.language,
        "labels": lambda model: model.labels,
        "vocabulary": lambda model: vars(model.vocabulary),
        "network": lambda model: (model.network.config, weights(model.network)),
        "ngrams": lambda model: companion(model.ngrams),
        "blend": lambda model: model.blend,
        "history": lambda model: [dataclasses.replace(e, seconds=0.0) for e in model.history],
        "facts": lambda model: {**model.facts, "seconds": {}},
        "seed": lambda model: model.seed,
        "precision": lambda model: model.precision,
        "decision": lambda model: model.decision,
        "scope": lambda model: plain(model.scope),
        "index": lambda model: plain(model.index),
        "held_out": lambda model: plain(model.held_out),
    }
    assert compared.keys() == {field.name for field in dataclasses.fields(FittedModel)}
    for of in compared.values():
        assert of(after) == of(before)
    assert all(epoch.seconds == 0.0 for epoch in after.history)
    assert after.facts["seconds"] == {}


def test_when_it_abstains_comes_back(fitted, tmp_path):
    classifier = copy.copy(fitted("modern"))
    classifier.model_ = dataclasses.replace(classifier.model_, decision=Decision(0.25, 0.05))
    save(classifier, tmp_path / "model")
    assert load(tmp_path / "model").model_.decision == Decision(0.25, 0.05)
    assert load_plain(tmp_path / "model").decision == Decision(0.25, 0.05)
    card = (tmp_path / "model" / "card.md").read_text("utf-8")
    assert "It gives no answer below a probability of 25%." in card
    assert "It gives no answer to texts stranger than 95% of those of its classes." in card


def weights(network):
    frozen = {name: weight.requires_grad for name, weight in network.named_parameters()}
    return frozen, {name: weight.tolist() for name, weight in network.state_dict().items()}


def plain(value):
    """Arrays as dtypes and lists, so that equal ones compare equal."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value


def companion(model):
    if model is None:
        return None
    arrays = (model.idf, model.weights, model.intercepts)
    return model.terms, [(array.dtype, array.tolist()) for array in arrays]


def test_a_loaded_classifier_is_still_an_estimator(saved_models, fit_again, texts):
    loaded = load(saved_models("modern"))
    assert not hasattr(clone(loaded), "model_")
    labels = ["long" if len(text) > 30 else "short" for text in texts]
    first, second = clone(loaded).fit(texts, labels), loaded.fit(texts, labels)
    np.testing.assert_array_equal(first.predict_proba(texts), second.predict_proba(texts))
    assert loaded.set_params(units=3).fit(texts, labels).model_.network.config.units == 3


def test_vectors_and_unlabelled_texts_are_not_kept(fitted, tmp_path, texts):
    classifier = TextClassifier(**fitted("modern").get_params())
    secret = "secretive surplus sentences seldom surface"
    classifier.set_params(unlabelled=[secret] * 3)
    classifier.fit(texts, ["a", "b"] * (len(texts) // 2) + ["a"])
    save(classifier, tmp_path / "model")
    assert load(tmp_path / "model").unlabelled is None
    assert load(tmp_path / "model").vectors is None
    written = b"".join(contents_of(tmp_path / "model").values())
    assert b"surplus" in written  # as a word of the vocabulary
    assert secret.encode() not in written


def test_a_drawn_seed_is_kept(fitted, tmp_path, texts):
    classifier = TextClassifier(**fitted("minimal").get_params())
    classifier.set_params(random_state=np.random.RandomState(4))
    classifier.fit(texts, ["a", "b"] * (len(texts) // 2) + ["a"])
    save(classifier, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.random_state == loaded.model_.seed == classifier.model_.seed


@pytest.mark.parametrize(
    ("parameters", "chosen"),
    [
        ({}, {"device": "auto", "precision": "auto"}),
        ({"device": "cpu"}, {"device": "cpu", "precision": "auto"}),
        ({"device": "cuda"}, {"device": "auto", "precision": "auto"}),
        ({"precision": "float32"}, {"device": "auto", "precision": "float32"}),
        ({"precision": "bfloat16"}, {"device": "auto", "precision": "auto"}),
    ],
)
def test_it_computes_with_what_this_machine_has(parameters, chosen, model, forge, monkeypatch):
    asked = []
    monkeypatch.setattr(
        archive, "choose_precision", lambda **given: asked.append(given) or Precision("cpu", True)
    )
    forge(model, "config.json", lambda config: changed(config["estimator"], **parameters))
    assert load(model).model_.precision == Precision("cpu", True)
    assert asked == [chosen]


# the same bytes


def test_saving_twice_gives_the_same_bytes(fitted, saved_models, tmp_path):
    save(fitted("held out"), tmp_path / "again")
    assert contents_of(tmp_path / "again") == contents_of(saved_models("held out"))


def test_fitting_twice_gives_the_same_bytes(fit_again, saved_models, tmp_path):
    save(fit_again("held out"), tmp_path / "again")
    assert contents_of(tmp_path / "again") == contents_of(saved_models("held out"))


@pytest.mark.parametrize("case", CASES)
def test_saving_what_was_loaded_gives_the_same_bytes(case, saved_models, tmp_path):
    save(load(saved_models(case)), tmp_path / "again")
    assert contents_of(tmp_path / "again") == contents_of(saved_models(case))


def test_no_time_host_or_path_is_written(saved_models):
    written = b"".join(contents_of(saved_models("held out")).values()).decode("latin-1")
    assert "seconds" not in written
    assert str(saved_models("held out").parent) not in written
    assert str(SOURCES) not in written
    assert not re.search(rf"{time.strftime('%Y')}-\d\d-\d\d|\d\d:\d\d:\d\d", written)
    for name in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"\b{re.escape(name)}\b", written)


def test_no_text_of_the_user_is_written(texts, saved_models):
    long_texts = [text for text in texts[:20] if len(text.split()) > 3]
    written = b"".join(contents_of(saved_models("held out")).values()).decode("latin-1")
    assert len(long_texts) > 5
    assert not [text for text in long_texts if text in written]


def test_others_may_read_what_they_may_enter(fitted, tmp_path):
    save(fitted("minimal"), tmp_path / "model")
    mode = (tmp_path / "model").stat().st_mode & 0o666
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()} == {mode}


# whole or not at all


def test_a_model_takes_the_place_of_an_older_one(fitted, saved_models, model):
    save(fitted("minimal"), model)
    assert contents_of(model) == contents_of(saved_models("minimal"))
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_an_empty_folder_is_filled_and_parents_are_made(fitted, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b"):
        save(fitted("minimal"), folder)
        assert verify(load(folder), folder) == 0.0


def test_a_link_to_a_model_stays_a_link(fitted, saved_models, model, tmp_path):
    (tmp_path / "current").symlink_to(model)
    save(fitted("minimal"), str(tmp_path / "current"))
    assert (tmp_path / "current").is_symlink()
    assert contents_of(model) == contents_of(saved_models("minimal"))
    assert load(tmp_path / "current").classes_.dtype == bool


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_old_model(error, fitted, model, monkeypatch):
    before = contents_of(model)

    def fail(*_):
        raise error

    monkeypatch.setattr(contents, "model_card", fail)
    with pytest.raises((ModelFileError, KeyboardInterrupt)) as caught:
        save(fitted("minimal"), model)
    assert isinstance(error, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert contents_of(model) == before
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_weights_that_are_not_finite_are_not_saved(saved_models, model):
    before, classifier = contents_of(model), load(saved_models("modern"))
    with torch.no_grad():
        classifier.model_.network.dense.bias[0] = torch.nan
    with pytest.raises(ModelFileError, match=r"'dense\.bias' has values that are not finite"):
        save(classifier, model)
    assert contents_of(model) == before


def test_what_could_not_be_loaded_is_not_saved(saved_models, model):
    before, classifier = contents_of(model), load(saved_models("modern"))
    classifier.model_ = dataclasses.replace(classifier.model_, seed=-1)
    with pytest.raises(
        ModelFileError, match=r"cannot be saved: .*model/manifest.json has the seed"
    ):
        save(classifier, model)
    assert contents_of(model) == before


KILL = """
    import os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from gatewise.store import archive, contents
    from gatewise.base import files

    other, model = Path(sys.argv[1]), Path(sys.argv[2])
    classifier = archive.load(other)

    def bytes_of(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def kill_at(module, name, number):
        calls, real = [], getattr(module, name)
        def counted(*given, **named):
            calls.append(1)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **named)
        setattr(module, name, counted)

    old, new, n_kills = bytes_of(model), bytes_of(other), 0
    for module, name in ((contents, "describe_file"), (files, "_sync_path"), (files, "_exchange"),
                         (archive, "read_contents")):
        number = 1
        while True:
            child = os.fork()
            if not child:
                kill_at(module, name, number)
                archive.save(classifier, model)
                os._exit(0)
            killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            archive.load(model)
            n_kills, number = n_kills + killed, number + 1
            if not killed or bytes_of(model) != old:
                assert bytes_of(model) == new, "neither the old model nor the new one"
                break
        archive.save(archive.load(sys.argv[3]), model)
        assert bytes_of(model) == old
    print(n_kills)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_model(saved_models, model):
    folders = (saved_models("minimal"), model, saved_models("modern"))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILL), *map(str, folders)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), *sys.path])},
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 20


# what is not saved, and where


def test_only_a_fitted_classifier_is_saved(fitted, tmp_path, saved_models):
    for thing in (TextClassifier(), make_pipeline(fitted("modern")), None):
        with pytest.raises(ConfigError, match="a fitted TextClassifier is needed"):
            save(thing, tmp_path / "model")
        with pytest.raises(ConfigError, match="a fitted TextClassifier is needed"):
            verify(thing, saved_models("modern"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["notes.txt", ".git/config", "config.json/inside", "sub/a.json"])
def test_a_folder_with_other_things_is_not_replaced(name, fitted, model):
    path = model / name
    if path.parent.is_file():
        path.parent.unlink()
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(ConfigError, match=f"{name.split('/')[0]}' *, which is not part of a saved"):
        save(fitted("minimal"), model)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("manifest", [None, '{"name": "my web page"}', " " * (2 << 20)])
def test_a_folder_that_only_looks_like_a_model_is_not_replaced(manifest, fitted, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ConfigError, match=r"holds 'config.json'"):
        save(fitted("minimal"), tmp_path)
    assert (tmp_path / "config.json").read_text() == "{}"


def test_a_link_inside_a_model_is_not_replaced(fitted, model, tmp_path):
    (model / "card.md").rename(tmp_path / "card.md")
    (model / "card.md").symlink_to(tmp_path / "card.md")
    with pytest.raises(ConfigError, match=r"card\.md"):
        save(fitted("minimal"), model)


def test_a_file_is_not_replaced(fitted, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        save(fitted("minimal"), tmp_path / "file")
    with pytest.raises(ModelFileError, match="cannot be written"):
        save(fitted("minimal"), tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "mine"


# damage


def test_no_flipped_bit_goes_unseen(model):
    generator = random.Random(11)
    names = sorted(path.name for path in model.iterdir())
    for name in [*names, *generator.choices(names, k=200 - len(names))]:
        path = model / name
        whole = path.read_bytes()
        damaged, at = bytearray(whole), generator.randrange(len(whole))
        damaged[at] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        assert str(path) in refused(model)
        path.write_bytes(whole)
    load(model)


def test_no_flipped_bit_of_the_manifest_goes_unseen(model):
    path = model / "manifest.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        refused(model)


def test_no_truncated_or_longer_file_goes_unseen(model):
    for path in sorted(model.iterdir()):
        whole = path.read_bytes()
        for content in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"\n"):
            path.write_bytes(content)
            assert path.name in refused(model)
        path.write_bytes(whole)


def test_no_missing_file_goes_unseen(model):
    for path in sorted(model.iterdir()):
        content = path.read_bytes()
        path.unlink()
        assert path.name in refused(model)
        path.write_bytes(content)


def test_what_is_no_saved_model_is_refused(tmp_path):
    assert "is not there" in refused(tmp_path / "nowhere")
    assert "has no manifest.json" in refused(tmp_path)
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refused(tmp_path / "file")


def test_a_file_that_cannot_be_read_is_named(model, saved_models, fitted, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    assert "Permission denied" in refused(model)
    with pytest.raises(ModelFileError, match="Permission denied"):
        verify(fitted("modern"), model)


# forged files: all checksums are right


@pytest.mark.parametrize("file", ["vectors", "weights", "ngrams"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(file, value, model, sign):
    path = model / f"{file}.safetensors"
    arrays = safetensors.numpy.load_file(path)
    name = sorted(arrays)[0]
    arrays[name] = arrays[name].copy()
    arrays[name].flat[-1] = value
    safetensors.numpy.save_file(arrays, path)
    sign(model)
    assert f"values in '{name}' that are not finite" in refused(model)


@pytest.mark.parametrize("change", [lambda a: a[..., :-1], lambda a: a.astype(np.float64)])
@pytest.mark.parametrize("told", [True, False])
def test_a_wrong_shape_or_dtype_is_refused(change, told, model, sign):
    path = model / "weights.safetensors"
    arrays = safetensors.numpy.load_file(path)
    arrays["dense.weight"] = np.ascontiguousarray(change(arrays["dense.weight"]))
    safetensors.numpy.save_file(arrays, path)
    entry = {
        "dtype": "F32" if arrays["dense.weight"].dtype == np.float32 else "F64",
        "shape": list(arrays["dense.weight"].shape),
    }

    def tell(manifest):
        if told:
            manifest["files"][path.name]["tensors"]["dense.weight"] = entry

    sign(model, tell)
    assert re.search(
        r"weights\.safetensors has F\d\d of shape .* for 'dense\.weight'", refused(model)
    )


def test_a_network_larger_than_its_files_takes_no_memory(model, forge):
    def enlarge(config):
        for settings in (config["recipe"], config["network"]):
            changed(settings, units=8192, layers=16, projection=4096)

    forge(model, "config.json", enlarge)
    assert "but the model asks for" in refused(model)


class Bomb:
    """What makes pickle run a command when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_no_pickle_is_ever_opened(model, sign, tmp_path):
    mark = tmp_path / "exploded"
    bombs = [bomb(mark), torch_bomb(mark, tmp_path)]
    names = sorted(path.name for path in model.iterdir() if path.name != "card.md")
    for content in bombs:
        for name in names:
            forged = shutil.copytree(model, tmp_path / f"{len(content)} {name}")
            (forged / name).write_bytes(content)
            if name != "manifest.json":
                sign(forged)
            if name == "golden.json":  # is only read when versions differ
                with pytest.raises(ModelFileError, match="cannot be read as JSON"):
                    verify(load(forged), forged)
            else:
                assert name in refused(forged)
        for name in ("model.pkl", "data.pickle", "pytorch_model.bin"):
            (model / name).write_bytes(content)
        load(model)
    assert not mark.exists()


def bomb(mark):
    serialise = __import__("pickle")
    content = serialise.dumps(Bomb(mark))
    serialise.loads(content)  # it does go off
    mark.rmdir()
    return content


def torch_bomb(mark, folder):
    torch.save(Bomb(mark), folder / "bomb.pt")
    return (folder / "bomb.pt").read_bytes()


def test_what_else_lies_in_the_folder_is_not_opened(model, texts, fitted):
    os.mkfifo(model / "pipe.json")  # who opens it waits for ever
    with (model / "huge.json").open("wb") as huge:
        huge.truncate(1 << 40)
    (model / "link.json").symlink_to("/dev/zero")
    (model / "folder").mkdir()
    expected = fitted("modern").predict_proba(texts)
    np.testing.assert_array_equal(load(model).predict_proba(texts), expected)


# other versions


@pytest.fixture
def later(monkeypatch):
    """Another torch than the model was saved with."""

    def now():
        return {**gatewise_versions, "torch": "99.0"}

    gatewise_versions = golden.package_versions()
    monkeypatch.setattr(golden, "package_versions", now)
    return gatewise_versions["torch"]


def shift(by):
    def change(values):
        values["probabilities"][7][0] += by

    return change


def test_after_a_change_of_version_the_same_answers_pass(model, later, forge):
    load(model)
    forge(model, "golden.json", shift(9e-5))
    assert verify(load(model), model) == pytest.approx(9e-5, rel=1e-3)


def test_after_a_change_of_version_other_answers_are_refused(model, later, forge):
    forge(model, "golden.json", shift(1.2e-4))
    message = refused(model)
    assert "differ by up to 0.00012" in message
    assert f"torch {later} is now 99.0" in message
    assert message.endswith(f"pip install torch=={later.partition('+')[0]}")


def test_without_a_change_of_version_the_golden_texts_are_not_scored(model, forge):
    forge(model, "golden.json", shift(0.1))
    assert verify(load(model), model) == pytest.approx(0.1)


def test_contents_of_another_version_say_which_one_reads_them(model, forge, sign, monkeypatch):
    forge(model, "config.json", lambda config: changed(config["recipe"], novel=1))
    assert "pip" not in refused(model)
    monkeypatch.setattr(archive, "__version__", "0.0.1")
    message = refused(model)
    assert "'novel'" in message
    assert message.endswith(f"type: pip install gatewise=={gatewise.__version__}")


# verify


def test_verify_measures_the_largest_difference(fitted, saved_models, model, forge):
    forge(model, "golden.json", shift(-0.25))
    assert verify(fitted("modern"), model) == pytest.approx(0.25)


def test_verify_sees_another_models_folder(fitted, saved_models):
    assert verify(fitted("modern"), saved_models("held out")) > 1e-3
    with pytest.raises(ModelFileError, match="it is of another model"):
        verify(fitted("minimal"), saved_models("modern"))


def test_verify_sees_damage(fitted, model):
    (model / "card.md").write_text("changed")
    with pytest.raises(ModelFileError, match=r"card\.md"):
        verify(fitted("modern"), model)
    shutil.rmtree(model)
    with pytest.raises(ModelFileError, match="is not there"):
        verify(fitted("modern"), model)


def test_the_checksum_in_the_documentation_is_the_one_in_the_file(model):
    """Written by hand here, so that another program can check a folder by the same rule."""
    lines = (model / "manifest.json").read_bytes().split(b"\n")
    assert lines[1].startswith(b' "checksum": "')
    rest = b"\n".join([lines[0], *lines[2:]])
    assert lines[1] == f' "checksum": "{hashlib.sha256(rest).hexdigest()}",'.encode()
