"""What a replay found, and how it is told: as text, as a dict for JSON, as a data frame."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.optional import require
from gatewise.explain.cells import WIDEST, padded, quoted
from gatewise.explain.credits import Credits
from gatewise.explain.variants import Reading, Variants
from gatewise.network.config import NetworkConfig
from gatewise.network.plain import LayerTrace, Trace

__all__ = ["KINDS", "NGRAM_KINDS", "Replay", "ReplayToken"]

Array = NDArray[np.float64]

KINDS = MappingProxyType(
    {
        "known": "in the vocabulary",
        "spelt": "not in the vocabulary; its vector is made of character n-grams",
        "unknown": "not in the vocabulary, and none of its n-grams is known",
        "padding": "a zero that the network reads like a word",
    }
)
NGRAM_KINDS = MappingProxyType(
    {"c": "letters", "p": "words near each other", "w": "words"}  # by how their terms begin
)
_LONGEST_TABLE, _BOTH_ENDS = 40, 15
_N_NGRAMS, _N_CLASSES = 8, 5
# Smaller credits, in nats, and smaller changes of a probability have no sign worth a remark.
_DOUBT = 0.02


@dataclass(frozen=True)
class ReplayToken:
    """One step's token.

    Attributes
    ----------
    surface : str
        As it stands in the text; empty for padding.
    start, end : int
        Where, in characters; both 0 for padding.
    text : str
        Normalised, as the vocabulary has it.
    kind : str
        One of ``KINDS``.
    """

    surface: str
    start: int
    end: int
    text: str
    kind: str


@dataclass(frozen=True)
class Replay:
    """How a model read one text; all numbers in float64.

    Attributes
    ----------
    text : str
        The text.
    labels : tuple of str
        The C classes.
    config : NetworkConfig
        Sizes and parts of the network.
    tokens : list of ReplayToken
        What the network read, one per step, T in all.
    unread : list of ReplayToken
        What lies beyond its longest text; the companion reads it.
    trace : Trace
        Vectors, gates, states, pooled vector and logits of the network.
    credits : Credits
        The scores of all classes, split over steps and n-grams.
    probabilities : ndarray, shape (C,)
        Calibrated; the softmax of the scores.
    variants : Variants
        The beginnings of the text, and the text without one token; computed when asked for.
    difference : float or None
        Largest difference between these logits and those of the network itself, computed in
        float32; None where only the arrays were at hand, as without torch.
    """

    text: str
    labels: tuple[str, ...]
    config: NetworkConfig
    tokens: list[ReplayToken]
    unread: list[ReplayToken]
    trace: Trace
    credits: Credits
    probabilities: Array
    variants: Variants
    difference: float | None

    @property
    def layers(self) -> list[LayerTrace]:
        """Gates and states of each layer."""
        return self.trace.layers

    @property
    def logits(self) -> Array:
        """The network's own scores, without companion and temperatures, shape (C,)."""
        return self.trace.logits

    @property
    def reading(self) -> Reading:
        """The probabilities as it reads."""
        return self.variants.reading

    @property
    def without(self) -> dict[int, Array]:
        """Step -> the probabilities without its token, shape (C,)."""
        return self.variants.without

    @functools.cached_property
    def decision(self) -> int:
        """Number of the class with the highest probability."""
        return int(self.probabilities.argmax())

    @property
    def label(self) -> str:
        """The class with the highest probability."""
        return self.labels[self.decision]

    @property
    def decided_at(self) -> int | None:
        """How many tokens had been read when the answer was reached that then stayed.

        Of the beginnings that were looked at: beyond 200 tokens not each of them is one.
        """
        answers = self.reading.probabilities.argmax(axis=1)
        if not len(answers) or answers[-1] != self.decision:
            return None
        others = np.flatnonzero(answers != self.decision)
        return self.reading.lengths[int(others[-1]) + 1 if len(others) else 0]

    @property
    def contradicted(self) -> list[int]:
        """Steps whose credit has another sign than what leaving the token out does."""
        found = []
        for step, probabilities in self.without.items():
            credit = self.credits.steps[step, self.decision]
            lost = self.probabilities[self.decision] - probabilities[self.decision]
            if credit * lost < 0 and abs(lost) >= _DOUBT and abs(credit) >= _DOUBT:
                found.append(step)
        return found

    def mean_sizes(self, name: str) -> Array:
        """Average the sizes of a gate or state over the units of the last layer, shape (T,)."""
        ways = [np.abs(getattr(one, name)).mean(axis=1) for one in self.layers[-1].directions]
        return np.asarray(np.mean(ways, axis=0))

    def most_likely(self, number: int = _N_CLASSES) -> list[int]:
        """Numbers of the classes with the highest probabilities, the highest first."""
        return [int(k) for k in np.argsort(-self.probabilities, kind="stable")[:number]]

    def token_at(self, number: int) -> str:
        """Take the surface form of the text's token of this number, from 1."""
        read = [token for token in self.tokens if token.kind != "padding"]
        in_order = sorted([*read, *self.unread], key=lambda token: token.start)
        return in_order[number - 1].surface

    def sentence(self) -> str:
        """Say in one sentence when the model decided for what."""
        chance = f"{self.probabilities[self.decision]:.1%}"
        if not self.reading.lengths:
            return f"there is nothing to read; without a word it is {self.label!r} with {chance}"
        if self.decided_at is None:
            return f"decided for {self.label!r} with {chance}, by what lies beyond the line"
        word = quoted(self.token_at(self.decided_at))
        place = self.reading.lengths.index(self.decided_at)
        first = 1 + (self.reading.lengths[place - 1] if place else 0)
        at = f"token {self.decided_at:,} ({word})"
        if first < self.decided_at:  # of a long text not every beginning was looked at
            at = f"one of the tokens {first:,} to {self.decided_at:,} (the last is {word})"
        return f"decided for {self.label!r} with {chance}, at {at}"

    def to_dict(self, *, before: bool = False) -> dict[str, Any]:
        """Make a dict for JSON.

        Parameters
        ----------
        before : bool
            With the gates before their activations.

        Returns
        -------
        dict
            Keys as in ``gatewise replay --json``; those of a token are the attributes of
            `ReplayToken`: ``text`` is what the vocabulary and the n-grams have, ``surface`` what
            stands in the text.
        """
        names = ("i", "f", "g", "o", "c", "h", *(("before",) if before else ()))
        return {
            "text": self.text,
            "label": self.label,
            "tokens": [
                {
                    "surface": t.surface,
                    "text": t.text,
                    "start": t.start,
                    "end": t.end,
                    "kind": t.kind,
                }
                for t in self.tokens
            ],
            "unread": len(self.unread),
            "vectors": self.trace.vectors.tolist(),
            "layers": [
                {
                    "backward" if one.backward else "forward": {
                        name: getattr(one, name).tolist() for name in names
                    }
                    for one in layer.directions
                }
                for layer in self.layers
            ],
            "pooled": self.trace.pooled.tolist(),
            "taken_from": self.trace.taken_from.tolist(),
            "network_logits": self._by_label(self.logits),
            "logits": self._by_label(self.credits.scores),
            "probabilities": self._by_label(self.probabilities),
            "credits": {
                label: self._credits_of(number) for number, label in enumerate(self.labels)
            },
            "as_it_reads": [
                {"tokens": length, "probabilities": self._by_label(row)}
                for length, row in zip(
                    self.reading.lengths, self.reading.probabilities, strict=True
                )
            ],
            "without": {
                str(step): self._by_label(row) for step, row in sorted(self.without.items())
            },
            "contradicted": self.contradicted,
            "decided_at": self.decided_at,
            "difference": self.difference,
        }

    def to_frame(self) -> Any:
        """Make a pandas frame with a row per step.

        Returns
        -------
        pandas.DataFrame
            Token, kind, credit for the class decided for, its probability without the token, and
            the mean of each gate and state of the last layer.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = require("pandas", extra=None, purpose="make a data frame")
        columns: dict[str, Any] = {
            "surface": [token.surface for token in self.tokens],
            "start": [token.start for token in self.tokens],
            "end": [token.end for token in self.tokens],
            "kind": [token.kind for token in self.tokens],
            "credit": self.credits.steps[:, self.decision],
            "probability_without": [
                self.without[step][self.decision] if step in self.without else np.nan
                for step in range(len(self.tokens))
            ],
        }
        for one in self.layers[-1].directions:
            way = "backward" if one.backward else "forward"
            for name in ("i", "f", "g", "o", "c", "h"):
                columns[f"{way}_{name}"] = getattr(one, name).mean(axis=1)
        return pandas.DataFrame(columns)

    def __str__(self) -> str:
        """Draw the replay as a table, shortened if the text is long."""
        parts = [
            self._table(),
            self._ngram_table(),
            self._sums(),
            [self.sentence(), *self.remarks()],
        ]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _table(self) -> list[str]:
        """List the steps: token, credit, what it would be without it, and the gates' means."""
        label = self.decision
        rows = [f"{'token':{WIDEST}} {'credit':>8} {'without':>8}   input  forget  output  |cell|"]
        gates = [self.mean_sizes(name) for name in "ifoc"]
        shown = self._shown_steps()
        for place, step in enumerate(shown):
            if place and step != shown[place - 1] + 1:
                rows.append(f"... {step - shown[place - 1] - 1} tokens in between ...")
            token = self.tokens[step]
            found = self.without.get(step)
            without = "" if found is None else f"{found[label]:.1%}"
            numbers = "".join(f"{values[step]:8.2f}" for values in gates)
            credit = self.credits.steps[step, label]
            rows.append(f"{_cell(token)} {credit:+8.2f} {without:>8}{numbers}")
        return rows

    def _ngram_table(self) -> list[str]:
        shares = self.credits.ngrams[:, self.decision]
        if not len(shares):
            return []
        order = np.argsort(-np.abs(shares), kind="stable")
        rows = [f"{'n-gram':{WIDEST}} {'credit':>8}   kind"]
        for column in order[:_N_NGRAMS]:
            kind, _, term = self.credits.terms[column].partition(":")
            shown = padded(repr(term))
            rows.append(f"{shown} {shares[column]:+8.2f}   {NGRAM_KINDS[kind]}")
        if rest := shares[order[_N_NGRAMS:]].sum():
            rows.append(f"{padded(f'{len(order) - _N_NGRAMS} more')} {rest:+8.2f}")
        return rows

    def _sums(self) -> list[str]:
        head = f"{'class':{WIDEST}} {'tokens':>8} + {'n-grams':>8} + {'bias':>8} = {'score':>8}"
        rows = [f"{head}  probability"]
        for number in self.most_likely():
            tokens = self.credits.steps[:, number].sum()
            ngrams, bias = self.credits.ngrams[:, number].sum(), self.credits.bias[number]
            rows.append(
                f"{padded(self.labels[number])} {tokens:+8.2f} + {ngrams:+8.2f} + {bias:+8.2f} = "
                f"{self.credits.scores[number]:+8.2f}  {self.probabilities[number]:11.1%}"
            )
        return rows

    def remarks(self) -> list[str]:
        """Say what else one should know: doubts, cuts, and how exact the replay is."""
        rows = []
        if self.contradicted:
            named = ", ".join(quoted(self.tokens[step].surface) for step in self.contradicted)
            rows.append(
                f"credit and leaving out disagree in sign for {named}: the other tokens are read "
                "differently without it"
            )
        if self.unread:
            n_before = sum(token.start < self.unread[0].start for token in self.tokens)
            where = f"behind its first {n_before:,}" if n_before else "before them"
            rows.append(
                f"the network reads {len(self.tokens):,} tokens of it, and not the "
                f"{len(self.unread):,} {where}"
            )
        if self.difference is None:
            rows.append("not compared with the network itself, which needs torch")
        else:
            rows.append(
                f"replayed and own logits of the network differ by {self.difference:.1e} at most"
            )
        return rows

    def _shown_steps(self) -> list[int]:
        """Both ends of a long text, and what counted most between them; padding left out."""
        read = [step for step, token in enumerate(self.tokens) if token.kind != "padding"]
        if len(read) <= _LONGEST_TABLE:
            return read
        middle = read[_BOTH_ENDS:-_BOTH_ENDS]
        middle.sort(key=lambda step: -abs(self.credits.steps[step, self.decision]))
        shown = {
            *read[:_BOTH_ENDS],
            *read[-_BOTH_ENDS:],
            *middle[: _LONGEST_TABLE - 2 * _BOTH_ENDS],
        }
        return sorted(shown)

    def _credits_of(self, number: int) -> dict[str, Any]:
        shares = zip(self.credits.terms, self.credits.ngrams[:, number], strict=True)
        return {
            "tokens": self.credits.steps[:, number].tolist(),
            "ngrams": [{"ngram": term, "credit": float(credit)} for term, credit in shares],
            "bias": float(self.credits.bias[number]),
        }

    def _by_label(self, values: Array) -> dict[str, float]:
        return {label: float(value) for label, value in zip(self.labels, values, strict=True)}


def _cell(token: ReplayToken) -> str:
    mark = {"known": "", "spelt": " ~", "unknown": " ?", "padding": " 0"}[token.kind]
    return padded(token.surface + mark)
