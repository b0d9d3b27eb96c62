"""The methods that are compared: what each is run with, and where its code is.

Nothing here imports a learning library, so that the benchmark itself stays small and each run
loads only what its own method needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["METHODS", "Method"]

_OURS = ("gatewise", "torch", "gensim", "scikit-learn", "scipy", "numpy", "icu4py")
_LINEAR = ("gatewise", "icu4py", "scikit-learn", "scipy", "numpy")
_FASTTEXT = ("gatewise", "icu4py")  # and what its environment holds
_TEXT = ("base", "text")
_MODEL = (*_TEXT, "vectors", "network", "classify")
_WORDS = {"analyzer": "word", "ngram_range": [1, 2], "sublinear_tf": True}
_CHARACTERS = {"analyzer": "char_wb", "ngram_range": [2, 5], "sublinear_tf": True}
# Takes the place of words in texts that are written without spaces.
_UNSPACED = {"analyzer": "char", "ngram_range": [1, 2], "sublinear_tf": True}


@dataclass(frozen=True)
class Method:
    """A way to classify texts.

    Attributes
    ----------
    module : str
        The module of this folder whose ``run`` does it.
    settings : mapping
        What it is run with; part of what tells two runs apart.
    packages : tuple of str
        The packages whose versions can change the result.
    source : tuple of str
        The folders of gatewise that can.
    takes_parameters : bool
        Whether ``--set`` is for it.
    """

    module: str
    settings: Mapping[str, Any]
    packages: tuple[str, ...]
    source: tuple[str, ...]
    takes_parameters: bool = False

    @property
    def needs_fasttext(self) -> bool:
        """Whether it runs in fastText's own environment."""
        return self.module == "fasttext_peer"


METHODS: dict[str, Method] = {
    "gatewise": Method("ours", {}, _OURS, _MODEL, takes_parameters=True),
    "svc-word": Method(
        "linear_peers", {"vectors": [_WORDS], "unspaced": [_UNSPACED]}, _LINEAR, _TEXT
    ),
    "svc-word-char": Method(
        "linear_peers",
        {"vectors": [_WORDS, _CHARACTERS], "unspaced": [_UNSPACED, _CHARACTERS]},
        _LINEAR,
        _TEXT,
    ),
    "fasttext": Method(
        "fasttext_peer", {"wordNgrams": 2, "lr": 0.5, "epoch": 25}, _FASTTEXT, _TEXT
    ),
    "fasttext-char": Method(
        "fasttext_peer",
        {"wordNgrams": 2, "minn": 3, "maxn": 6, "lr": 1.0, "epoch": 50},
        _FASTTEXT,
        _TEXT,
    ),
    "classic": Method("ours", {"recipe": "classic"}, _OURS, _MODEL, takes_parameters=True),
}
