"""The result of one fit, as plain values in a ledger and as arrays again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.classify.blend import Blend
from gatewise.classify.model import PartScores, RawScores, blend_scores
from gatewise.evaluate.metrics import measure

__all__ = ["NEVER", "PARTS", "FoldResult"]

Scores = NDArray[np.float64]
PlainArray = dict[str, Any]

PARTS = ("lstm", "ngrams", "blend")

_DTYPE = "<f4"
# Of a class that the training part of a fold has no record of.
NEVER = -1e4


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What one fit has reached on the test part of its fold.

    Attributes
    ----------
    classes : list of str
        The C classes of all records; the columns below.
    raw : RawScores
        Of the M test records, in their order, shape (M, C).
    blend : Blend
        The fit's own.
    scores : dict
        Part -> ``accuracy`` and ``macro_f1``, shares from 0 to 1; of the parts there are.
    n_parameters, n_ngram_weights : int
        Numbers learnt by the network and by the companion.
    seconds : float
        Of fit and scoring.
    token_seconds, companion_seconds : float
        Of them, those of the cutting into tokens, and of the fits of the companion.
    evidence : dict of str to ndarray of float64, shape (M,)
        What speaks for the records being in scope besides the scores, and ``"similarity"`` to the
        most similar record that was learnt from.
    """

    classes: list[str]
    raw: RawScores
    blend: Blend
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    n_parameters: int = 0
    n_ngram_weights: int = 0
    seconds: float = 0.0
    token_seconds: float = 0.0
    companion_seconds: float = 0.0
    evidence: dict[str, Scores] = field(default_factory=dict)

    @classmethod
    def judged(
        cls,
        truth: Sequence[str],
        classes: Sequence[str],
        known: Sequence[str],
        raw: RawScores,
        blend: Blend,
        *,
        n_parameters: int,
        n_ngram_weights: int = 0,
    ) -> FoldResult:
        """Score what a fit says of its test records.

        Parameters
        ----------
        truth : sequence of str
            The M true labels.
        classes : sequence of str
            All C classes.
        known : sequence of str
            Those that the fit has seen: the columns of ``raw``.
        raw : RawScores
            What it says.
        blend : Blend
            How its parts become one.
        n_parameters, n_ngram_weights : int
            Numbers learnt by the two.

        Returns
        -------
        FoldResult
        """
        columns = np.searchsorted(np.array(classes), np.array(known))
        wide = RawScores(
            _widened(raw.network, columns, len(classes)),
            None if raw.ngrams is None else _widened(raw.ngrams, columns, len(classes)),
        )
        parts = blend_scores(wide, blend)
        scores = {}
        for name in PARTS:
            if (log_probabilities := getattr(parts, name)) is not None:
                one = measure(truth, classes, np.exp(log_probabilities))
                scores[name] = {"accuracy": one.accuracy, "macro_f1": one.macro_f1}
        return cls(list(classes), wide, blend, scores, n_parameters, n_ngram_weights)

    @property
    def parts(self) -> PartScores:
        """The calibrated logarithms of probabilities of each part."""
        return blend_scores(self.raw, self.blend)

    def part_seconds(self, part: str) -> float:
        """Tell the seconds of a part, as if it had been fitted by itself."""
        if part == "ngrams":
            return self.token_seconds + self.companion_seconds
        return self.seconds - (self.companion_seconds if part == "lstm" else 0.0)

    def part_size(self, part: str) -> int:
        """Tell the numbers that a part has learnt."""
        sizes = {"lstm": self.n_parameters, "ngrams": self.n_ngram_weights}
        return sizes.get(part, self.n_parameters + self.n_ngram_weights)

    def to_plain(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        ngrams = self.raw.ngrams
        return {
            "classes": self.classes,
            "network": _array_to_plain(self.raw.network),
            "ngrams": None if ngrams is None else _array_to_plain(ngrams),
            "blend": asdict(self.blend),
            "scores": self.scores,
            "n_parameters": self.n_parameters,
            "n_ngram_weights": self.n_ngram_weights,
            "seconds": self.seconds,
            "token_seconds": self.token_seconds,
            "companion_seconds": self.companion_seconds,
            "evidence": {kind: _array_to_plain(one) for kind, one in self.evidence.items()},
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> FoldResult:
        """Read what :meth:`to_plain` gave."""
        ngrams = values["ngrams"]
        return cls(
            classes=list(values["classes"]),
            raw=RawScores(
                _array_from_plain(values["network"]),
                None if ngrams is None else _array_from_plain(ngrams),
            ),
            blend=Blend(**values["blend"]),
            scores=values["scores"],
            n_parameters=values["n_parameters"],
            n_ngram_weights=values["n_ngram_weights"],
            seconds=values["seconds"],
            token_seconds=values["token_seconds"],
            companion_seconds=values["companion_seconds"],
            evidence={kind: _array_from_plain(one) for kind, one in values["evidence"].items()},
        )


def _widened(scores: Scores, columns: NDArray[np.int64], n_classes: int) -> Scores:
    # In single precision, as they are kept: what was judged is what can be looked up.
    wide = np.full((len(scores), n_classes), NEVER, dtype=np.float32)
    wide[:, columns] = scores
    return wide.astype(np.float64)


def _array_to_plain(array: Scores) -> PlainArray:
    content = np.ascontiguousarray(array, dtype=_DTYPE).tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(content).decode("ascii")}


def _array_from_plain(plain: PlainArray) -> Scores:
    flat = np.frombuffer(base64.b64decode(plain["float32"]), dtype=_DTYPE)
    return flat.reshape(plain["shape"]).astype(np.float64)
