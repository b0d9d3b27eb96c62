"""``golden.json``: made-up texts and what the model says of them.

They tell whether another version of a package changed the model's answers. The texts are made
of the vocabulary's words, so that no text of the user's is kept. Probabilities are those of
float32 on the processor, which every machine can compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ModelFileError
from gatewise.base.seeding import numpy_generator
from gatewise.base.versions import PACKAGES, package_versions
from gatewise.store.manifest import Manifest, Tokenizer, current_tokenizer
from gatewise.store.settings import check_keys, decode, strings
from gatewise.text.tokens import has_unspaced_script
from gatewise.text.vocabulary import UNKNOWN, Vocabulary

if TYPE_CHECKING:
    from gatewise.classify.model import FittedModel

__all__ = [
    "GOLDEN",
    "TOLERANCE",
    "changes_since",
    "check_golden",
    "golden_difference",
    "golden_texts",
    "golden_to_json",
]

GOLDEN = "golden.json"
TOLERANCE = 1e-4  # of a probability
_N_TEXTS = 50
_MOST_WORDS = 24
_LONGEST = 400  # words of the one text that is longer than the network reads
_UNKNOWN_SHARE, _MISSPELT_SHARE = 0.1, 0.15
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Scorer(Protocol):
    """A fitted model, with torch or without."""

    @property
    def labels(self) -> Sequence[str]:
        """The C classes."""
        ...

    def reference_probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Classify texts in a way that every machine can, (N, C)."""
        ...


def golden_texts(
    vocabulary: Vocabulary, seed: int, max_length: int, n_texts: int = _N_TEXTS
) -> list[str]:
    """Make texts: empty, of unknown words, too long, and of known and misspelt words.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words.
    seed : int
        The user's seed.
    max_length : int
        Tokens that the network reads.
    n_texts : int
        How many, at least 4.

    Returns
    -------
    list of str
    """
    generator = numpy_generator(seed, "golden texts")
    words = vocabulary.words[UNKNOWN + 1 :]
    unknown = [_unknown_word(generator) for _ in range(5)]
    lengths = [min(max_length + 3, _LONGEST)]
    lengths += [int(n) for n in generator.integers(1, _MOST_WORDS + 1, size=n_texts - 3)]
    made = [[_word(words, generator) for _ in range(length)] for length in lengths]
    return ["", *(_join(text) for text in (unknown, *made))]


def golden_to_json(model: FittedModel) -> dict[str, Any]:
    """Make the golden texts of a model and score them."""
    texts = golden_texts(model.vocabulary, model.seed, model.network.config.max_length)
    return {"texts": texts, "probabilities": model.reference_probabilities(texts).tolist()}


def golden_difference(model: Scorer, path: Path) -> float:
    """Measure how far a model's answers are from those it gave when it was saved.

    Parameters
    ----------
    model : FittedModel or PlainModel
        The model.
    path : Path
        A ``golden.json``.

    Returns
    -------
    float
        The largest difference of a probability, from 0 to 1.

    Raises
    ------
    ModelFileError
        If the file has another form or is of another model.
    """
    values = decode(path.read_bytes(), path)
    check_keys(values, {"texts", "probabilities"}, path, "the golden texts")
    texts = strings(values["texts"], path, "the golden texts")
    try:
        expected = np.array(values["probabilities"], dtype=np.float64)  # (N, C)
    except (OverflowError, TypeError, ValueError):
        expected = np.zeros(0)
    if not texts or expected.shape != (len(texts), len(model.labels)):
        raise ModelFileError(
            f"{path} should have {len(model.labels)} probabilities for each of its {len(texts)} "
            "texts, so it is of another model"
        )
    if not ((expected >= 0.0) & (expected <= 1.0)).all():  # also what is no number
        raise ModelFileError(f"{path} has a probability that is not from 0 to 1")
    return float(np.abs(model.reference_probabilities(texts) - expected).max())


def check_golden(model: Scorer, manifest: Manifest, path: Path) -> None:
    """After a change of versions, check that the model still gives the answers it gave.

    Raises
    ------
    ModelFileError
        If a probability differs by more than ``TOLERANCE``.
    """
    if not (changes := changes_since(manifest)):
        return
    difference = golden_difference(model, path)
    if not difference <= TOLERANCE:  # a model that gives no numbers is not right either
        raise ModelFileError(
            f"{path} shows that the model's probabilities differ by up to {difference:.2g} from "
            f"those it was saved with, after these changes: {'; '.join(changes)}"
            f"{_remedy(manifest)}"
        )


def changes_since(manifest: Manifest) -> list[str]:
    """Say which versions differ between the saved model and this installation."""
    tokenizer = current_tokenizer(manifest.tokenizer.language)
    then = _versions(manifest.versions, manifest.tokenizer)
    now = _versions(package_versions(), tokenizer)
    return [
        f"{name} {then.get(name, 'none')} is now {now.get(name, 'none')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]


def _versions(packages: Mapping[str, str], tokenizer: Tokenizer) -> dict[str, str]:
    return {**packages, "ICU": tokenizer.icu, "Unicode": tokenizer.unicode}


def _remedy(manifest: Manifest) -> str:
    # Only packages that gatewise itself names: the line is there to be copied into a terminal.
    installed = package_versions()
    pins = [
        f"{package}=={manifest.versions[package].partition('+')[0]}"  # the index has no +cpu
        for package in ("gatewise", *PACKAGES)
        if package in manifest.versions and manifest.versions[package] != installed.get(package, "")
    ]
    return f"; type: pip install {' '.join(pins)}" if pins else "; use the Python it was saved with"


def _word(words: Sequence[str], generator: np.random.Generator) -> str:
    chance = generator.random()
    if not words or chance < _UNKNOWN_SHARE:
        return _unknown_word(generator)
    word = words[int(generator.integers(len(words)))]
    return _misspelt(word, generator) if chance < _UNKNOWN_SHARE + _MISSPELT_SHARE else word


def _unknown_word(generator: np.random.Generator) -> str:
    letters = generator.integers(len(_LETTERS), size=int(generator.integers(5, 13)))
    return "".join(_LETTERS[number] for number in letters)


def _misspelt(word: str, generator: np.random.Generator) -> str:
    """Double, leave out or swap letters at some place."""
    at, slip = int(generator.integers(len(word))), int(generator.integers(3))
    if slip == 0 or len(word) == 1:
        return word[:at] + word[at] + word[at:]
    if slip == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


def _join(words: Sequence[str]) -> str:
    """Write words one after the other, with spaces where their script has them."""
    return "".join(word if has_unspaced_script(word) else f"{word} " for word in words).strip()
