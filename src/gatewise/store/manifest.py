"""``manifest.json``: what belongs to a saved model, and that all of it is as it was written.

The manifest ends its own chain: its ``checksum`` is the SHA-256 of the manifest without that
entry, as :func:`gatewise.store.settings.encode` writes it, and the file must hold exactly those
bytes. So every byte of the folder is covered by one checksum or another.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import icu4py

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.base.files import sha256_file
from gatewise.base.seeding import MAX_SEED
from gatewise.base.versions import package_versions
from gatewise.store.arrays import Shape
from gatewise.store.settings import check_keys, decode, encode
from gatewise.text.tokens import tokenize

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "MANIFEST",
    "OPTIONAL",
    "SIZE_LIMITS",
    "FileEntry",
    "Manifest",
    "Tokenizer",
    "check_folder",
    "current_tokenizer",
    "describe_file",
    "manifest_bytes",
    "read_manifest",
]

FORMAT = "gatewise model"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"

_KIBI, _MEBI, _GIBI = 1 << 10, 1 << 20, 1 << 30
# Bytes. Well above what a fit can write, and low enough that reading a file does no harm.
SIZE_LIMITS = {
    MANIFEST: _MEBI,
    "calibration.json": 64 * _KIBI,
    "card.md": _MEBI,
    "config.json": 64 * _MEBI,
    "golden.json": 256 * _MEBI,
    "held_out.safetensors": 256 * _MEBI,
    "index.safetensors": 256 * _MEBI,
    "labels.json": 64 * _MEBI,
    "model.onnx": 2 * _GIBI,
    "ngrams.safetensors": 64 * _GIBI,
    "scope.safetensors": _MEBI,
    "texts.json": _GIBI,
    "vectors.safetensors": 64 * _GIBI,
    "vocabulary.json": 512 * _MEBI,
    "weights.safetensors": 64 * _GIBI,
}
OPTIONAL = frozenset(
    {
        "held_out.safetensors",
        "index.safetensors",
        "ngrams.safetensors",
        "scope.safetensors",
        "texts.json",
    }
)

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHANGED = "it was changed after the model was saved, so take a fresh copy of the folder"


@dataclass(frozen=True)
class FileEntry:
    """What the manifest knows of a file.

    Attributes
    ----------
    sha256 : str
        64 hexadecimal digits.
    size : int
        Bytes.
    tensors : dict of str to (dtype, shape)
        For a safetensors file, what it holds.
    """

    sha256: str
    size: int
    tensors: dict[str, tuple[str, Shape]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tokenizer:
    """What decides how a text is cut into tokens.

    Attributes
    ----------
    language : str
        As given to :func:`gatewise.text.tokens.tokenize`.
    icu, unicode : str
        Versions of ICU, and of the Unicode tables of Python.
    """

    language: str
    icu: str
    unicode: str


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` holds.

    Attributes
    ----------
    versions : dict of str to str
        The packages the model was made with.
    tokenizer : Tokenizer
        How texts were cut.
    seed : int
        The user's seed.
    files : dict of str to FileEntry
        All other files.
    """

    versions: dict[str, str]
    tokenizer: Tokenizer
    seed: int
    files: dict[str, FileEntry]


def current_tokenizer(language: str) -> Tokenizer:
    """Describe the tokenizer of this installation."""
    return Tokenizer(language, icu4py.icu_version, unicodedata.unidata_version)


def describe_file(path: Path, tensors: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make a file's entry for the manifest."""
    entry = {"sha256": sha256_file(path), "size": path.stat().st_size}
    return entry if tensors is None else {**entry, "tensors": dict(tensors)}


def manifest_bytes(
    *, seed: int, tokenizer: Tokenizer, files: Mapping[str, Mapping[str, Any]]
) -> bytes:
    """Write the manifest of a model that is made with the packages installed."""
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": package_versions(),
        "seed": seed,
        "tokenizer": asdict(tokenizer),
        "files": {name: dict(entry) for name, entry in files.items()},
    }
    return encode({**content, "checksum": _checksum(content)})


def check_folder(folder: Path) -> Manifest:
    """Check everything about a saved model that can be checked without understanding it.

    Parameters
    ----------
    folder : Path
        Should be a saved model.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelFileError
        If it is none, or is not, byte for byte, what was saved.
    """
    sizes = _plain_files(folder)
    manifest = read_manifest(folder / MANIFEST)
    for name in sorted({*manifest.files, *sizes} - {MANIFEST}):
        if name not in sizes:
            raise ModelFileError(f"{folder / name} is missing; take a fresh copy of the folder")
        if name not in manifest.files:
            raise ModelFileError(f"{folder / name} is not part of this model; move it elsewhere")
        if sizes[name] != manifest.files[name].size:
            raise ModelFileError(
                f"{folder / name} has {sizes[name]:,} bytes instead of "
                f"{manifest.files[name].size:,}: {_CHANGED}"
            )
    for name, entry in sorted(manifest.files.items()):
        if sha256_file(folder / name) != entry.sha256:
            raise ModelFileError(
                f"{folder / name} does not have the SHA-256 that {MANIFEST} gives: {_CHANGED}"
            )
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and check its form and its own checksum.

    Raises
    ------
    ModelFileError
        If it is damaged, or of a format that this version does not read.
    """
    raw = path.read_bytes()
    content = decode(raw, path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not the manifest of a model that gatewise saved")
    _check_format_version(content, path)
    names = {"format", "format_version", "versions", "seed", "tokenizer", "files", "checksum"}
    check_keys(content, names, path, "the manifest")
    checksum = content.pop("checksum")
    if checksum != _checksum(content) or raw != encode({**content, "checksum": checksum}):
        raise ModelFileError(f"{path} does not have the checksum it names: {_CHANGED}")
    return Manifest(
        versions=_versions(content["versions"], path),
        tokenizer=_tokenizer(content["tokenizer"], path),
        seed=_seed(content["seed"], path),
        files=_entries(content["files"], path),
    )


def _plain_files(folder: Path) -> dict[str, int]:
    """Measure the model's files without opening one; whatever else lies there is never read."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise ModelFileError(f"{folder} {what}; give the folder of a saved model")
    sizes = {}
    for name, limit in SIZE_LIMITS.items():
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode):
            what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no plain file"
            raise ModelFileError(f"{folder / name} is {what}; a saved model has plain files only")
        if status.st_size > limit:
            raise ModelFileError(
                f"{folder / name} has {status.st_size:,} bytes; at most {limit:,} are read"
            )
        sizes[name] = status.st_size
    if MANIFEST not in sizes:
        raise ModelFileError(f"{folder} is not a saved model, because it has no {MANIFEST}")
    return sizes


def _check_format_version(content: dict[str, Any], path: Path) -> None:
    number = content.get("format_version")
    if type(number) is not int or number < 1:
        raise ModelFileError(f"{path} has the format version {number!r:.40}, which never was one")
    if number > FORMAT_VERSION:
        versions = content.get("versions")
        made_with = versions.get("gatewise") if isinstance(versions, dict) else None
        known = isinstance(made_with, str) and _VERSION.fullmatch(made_with)
        newer = f"'gatewise>={made_with}'" if known else "--upgrade gatewise"
        raise ModelFileError(
            f"{path} has the format version {number}, and this gatewise reads versions up to "
            f"{FORMAT_VERSION}; type: pip install {newer}"
        )


def _versions(values: Any, path: Path) -> dict[str, str]:
    if not isinstance(values, dict) or not all(map(_is_version, [*values, *values.values()])):
        raise ModelFileError(f"{path} has package versions of another form than gatewise writes")
    return values


def _tokenizer(values: Any, path: Path) -> Tokenizer:
    check_keys(values, {"language", "icu", "unicode"}, path, "the tokenizer")
    if not (_is_version(values["icu"]) and _is_version(values["unicode"])):
        raise ModelFileError(f"{path} has a tokenizer of another form than gatewise writes")
    try:
        tokenize("", str(values["language"]))
    except ConfigError as error:
        raise ModelFileError(f"{path} has a tokenizer that cannot be used: {error}") from error
    return Tokenizer(**values)


def _seed(value: Any, path: Path) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SEED:
        raise ModelFileError(f"{path} has the seed {value!r:.40}; it must be from 0 to {MAX_SEED}")
    return value


def _entries(values: Any, path: Path) -> dict[str, FileEntry]:
    if not isinstance(values, dict):
        raise ModelFileError(f"{path} has no list of files")
    known = set(SIZE_LIMITS) - {MANIFEST}
    if foreign := sorted(set(values) - known):
        raise ModelFileError(
            f"{path} names the file {foreign[0]!r:.80}, which is not part of a model"
        )
    if missing := sorted(known - OPTIONAL - set(values)):
        raise ModelFileError(f"{path} does not name the file {missing[0]!r}")
    return {name: _entry(name, value, path) for name, value in values.items()}


def _entry(name: str, values: Any, path: Path) -> FileEntry:
    with_tensors = name.endswith(".safetensors")
    keys = {"sha256", "size", "tensors"} if with_tensors else {"sha256", "size"}
    check_keys(values, keys, path, name)
    checksum, size = values["sha256"], values["size"]
    if type(checksum) is not str or not _SHA256.fullmatch(checksum) or type(size) is not int:
        raise ModelFileError(f"{path} has no SHA-256 or size for {name!r}")
    return FileEntry(checksum, size, _tensors(values["tensors"], path) if with_tensors else {})


def _tensors(values: Any, path: Path) -> dict[str, tuple[str, Shape]]:
    if not isinstance(values, dict):
        raise ModelFileError(f"{path} has a safetensors file without its tensors")
    tensors = {}
    for name, tensor in values.items():
        check_keys(tensor, {"dtype", "shape"}, path, "a tensor")
        dtype, shape = tensor["dtype"], tensor["shape"]
        if type(dtype) is not str or not isinstance(shape, list):
            raise ModelFileError(f"{path} has a tensor {name!r:.80} without dtype or shape")
        tensors[name] = dtype, tuple(shape)
    return tensors


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(encode(dict(content))).hexdigest()
