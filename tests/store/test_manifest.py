import dataclasses
import hashlib
import json
import os

import pytest

import gatewise
from gatewise.base.errors import ModelFileError
from gatewise.base.versions import package_versions
from gatewise.store.manifest import (
    MANIFEST,
    OPTIONAL,
    SIZE_LIMITS,
    Tokenizer,
    check_folder,
    current_tokenizer,
    describe_file,
    manifest_bytes,
    read_manifest,
)

ICU = Tokenizer("zh", "78.3", "14.0.0")


def refused(folder):
    with pytest.raises(ModelFileError) as error:
        check_folder(folder)
    assert str(folder) in str(error.value)
    return str(error.value)


def test_a_saved_model_is_what_its_manifest_says(model):
    manifest = check_folder(model)
    assert manifest.versions == package_versions()
    assert manifest.versions["gatewise"] == gatewise.__version__
    assert manifest.tokenizer == current_tokenizer("auto")
    assert manifest.seed == 0
    assert {*manifest.files, MANIFEST} == {path.name for path in model.iterdir()}
    for name, entry in manifest.files.items():
        content = (model / name).read_bytes()
        assert entry.size == len(content)
        assert entry.sha256 == hashlib.sha256(content).hexdigest()
        assert bool(entry.tensors) == name.endswith(".safetensors")
    assert manifest.files["ngrams.safetensors"].tensors["intercepts"] == ("F32", (3,))


def test_a_manifest_comes_back(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    entry = describe_file(tmp_path / "a", {"t": {"dtype": "F32", "shape": [2, 1]}})
    files = {
        name: entry if name.endswith(".safetensors") else describe_file(tmp_path / "a")
        for name in SIZE_LIMITS
        if name != MANIFEST
    }
    (tmp_path / MANIFEST).write_bytes(manifest_bytes(seed=7, tokenizer=ICU, files=files))
    found = read_manifest(tmp_path / MANIFEST)
    assert (found.seed, found.tokenizer) == (7, ICU)
    assert found.files["weights.safetensors"].tensors == {"t": ("F32", (2, 1))}
    assert found.files["card.md"].size == 3


def test_the_tokenizer_names_its_versions():
    tokenizer = current_tokenizer("th")
    assert tokenizer.language == "th"
    assert int(tokenizer.icu.split(".")[0]) >= 70
    assert int(tokenizer.unicode.split(".")[0]) >= 14


# what lies in the folder


@pytest.mark.parametrize("name", sorted(SIZE_LIMITS))
def test_a_symbolic_link_is_refused(name, model, tmp_path):
    (model / name).rename(tmp_path / "elsewhere")
    (model / name).symlink_to(tmp_path / "elsewhere")
    assert f"{name} is a symbolic link" in refused(model)


def test_a_link_to_nowhere_is_refused(model):
    (model / "card.md").unlink()
    (model / "card.md").symlink_to("nowhere")
    assert "card.md is a symbolic link" in refused(model)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", [MANIFEST, "golden.json"])
def test_only_plain_files_are_opened(make, name, model):
    (model / name).unlink()
    make(model / name)
    assert f"{name} is no plain file" in refused(model)


@pytest.mark.parametrize("name", sorted(SIZE_LIMITS))
def test_a_file_above_its_limit_is_not_read(name, model, sign):
    with (model / name).open("ab") as file:
        file.truncate(SIZE_LIMITS[name] + 1)
    if name != MANIFEST:
        sign_sizes(model, sign, name)
    assert f"at most {SIZE_LIMITS[name]:,} are read" in refused(model)


def sign_sizes(model, sign, name):
    """Make the manifest agree, without hashing gigabytes."""
    (model / name).rename(model / "aside")
    sign(model, lambda manifest: manifest["files"][name].update(size=SIZE_LIMITS[name] + 1))
    (model / "aside").rename(model / name)


@pytest.mark.parametrize("name", sorted(set(SIZE_LIMITS) - {MANIFEST}))
def test_a_missing_file_is_named(name, model):
    (model / name).unlink()
    assert f"{name} is missing" in refused(model)


def test_a_file_of_another_model_is_refused(model, sign):
    for name in sorted(OPTIONAL):
        sign(model, lambda manifest, name=name: manifest["files"].pop(name))
        assert f"{name} is not part of this model" in refused(model)
        (model / name).unlink()
    assert check_folder(model).files.keys() == set(SIZE_LIMITS) - OPTIONAL - {MANIFEST}


def test_a_changed_file_is_refused(model):
    content = (model / "card.md").read_bytes()
    (model / "card.md").write_bytes(content + b"!")
    assert f"has {len(content) + 1:,} bytes instead of {len(content):,}" in refused(model)
    (model / "card.md").write_bytes(content[:-2] + b"!\n")
    assert "card.md does not have the SHA-256" in refused(model)


# the manifest


def test_a_manifest_with_other_spaces_is_refused(model):
    value = json.loads((model / MANIFEST).read_bytes())
    (model / MANIFEST).write_text(json.dumps(value))
    assert "does not have the checksum it names" in refused(model)


def test_a_changed_manifest_is_refused(model):
    content = (model / MANIFEST).read_bytes()
    (model / MANIFEST).write_bytes(content.replace(b'"seed": 0', b'"seed": 1'))
    assert "does not have the checksum it names" in refused(model)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"nonsense", b'{"format": "other"}'])
def test_another_manifest_is_refused(content, model):
    (model / MANIFEST).write_bytes(content)
    assert "cannot be read as JSON" in (message := refused(model)) or "is not the man" in message


@pytest.mark.parametrize(
    ("made_with", "remedy"),
    [
        ("0.9.1", "pip install 'gatewise>=0.9.1'"),
        ("1.0; rm -rf /", "pip install --upgrade gatewise"),
        (None, "pip install --upgrade gatewise"),
    ],
)
def test_a_later_format_says_what_to_install(made_with, remedy, model, sign):
    def later(manifest):
        manifest.update(format_version=2, novel="x")
        manifest["versions"]["gatewise"] = made_with

    sign(model, later)
    message = refused(model)
    assert "has the format version 2, and this gatewise reads versions up to 1" in message
    assert message.endswith(remedy)


def test_a_later_format_without_versions_is_refused(model, sign):
    sign(model, lambda manifest: manifest.update(format_version=3, versions=None))
    assert refused(model).endswith("pip install --upgrade gatewise")


NAMES = ["../../etc/passwd", "/etc/passwd", "sub/card.md", "model.pkl", "more.json", "", "."]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_outside_the_list_is_refused(name, model, sign):
    def add(manifest):
        manifest["files"][name] = {"sha256": "0" * 64, "size": 1}

    sign(model, add)
    assert f"names the file {name!r}, which is not part of a model" in refused(model)


def at(*path):
    """Set a value somewhere in the manifest; no value removes it."""

    def change(value):
        def apply(manifest):
            part = manifest
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value

        return apply

    return change


FILES = ("files", "weights.safetensors")
WRONG = [
    (at("format_version")(0), "has the format version 0"),
    (at("format_version")("1"), "has the format version '1'"),
    (at("format_version")(True), "has the format version True"),
    (at("novel")(1), "the entry 'novel' in the manifest"),
    (lambda manifest: manifest.pop("seed"), "lacks the entry 'seed'"),
    (at("seed")(-1), "has the seed -1"),
    (at("seed")(2**32), "has the seed 4294967296"),
    (at("seed")(0.5), "has the seed 0.5"),
    (at("seed")(None), "has the seed None"),
    (at("versions")([]), "package versions"),
    (at("versions", "torch")(2), "package versions"),
    (at("versions", "torch")("2 && ls"), "package versions"),
    (at("versions", "x\ny")("2"), "package versions"),
    (at("tokenizer")("auto"), "where the tokenizer should be"),
    (at("tokenizer", "language")("English!"), "language is 'English!'"),
    (at("tokenizer", "language")(None), "a tokenizer"),
    (at("tokenizer", "icu")(78), "a tokenizer of another form"),
    (at("tokenizer", "unicode")(""), "a tokenizer of another form"),
    (at("tokenizer", "novel")(""), "the entry 'novel' in the tokenizer"),
    (at("files")([]), "has no list of files"),
    (lambda manifest: manifest["files"].pop("card.md"), "does not name the file 'card.md'"),
    (at("files", "card.md")(3), "3 where card.md should be"),
    (at("files", "card.md", "tensors")({}), "the entry 'tensors' in card.md"),
    (at("files", "card.md", "sha256")("0" * 63), "no SHA-256 or size for 'card.md'"),
    (at("files", "card.md", "sha256")(["0" * 64]), "no SHA-256 or size for 'card.md'"),
    (at("files", "card.md", "size")(3.0), "no SHA-256 or size for 'card.md'"),
    (at("files", "card.md", "size")(True), "no SHA-256 or size for 'card.md'"),
    (lambda manifest: manifest["files"][FILES[1]].pop("tensors"), "lacks the entry 'tensors'"),
    (at(*FILES, "tensors")([]), "without its tensors"),
    (at(*FILES, "tensors", "dense.bias")([]), "where a tensor should be"),
    (at(*FILES, "tensors", "dense.bias")({"dtype": 1, "shape": []}), "without dtype or shape"),
    (at(*FILES, "tensors", "dense.bias")({"dtype": "F32", "shape": 3}), "without dtype or shape"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG)
def test_wrong_manifests_are_refused(change, reason, model, sign):
    sign(model, change)
    message = refused(model)
    assert MANIFEST in message
    assert reason in message


def test_entries_are_frozen(model):
    entry = check_folder(model).files["card.md"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.size = 1
