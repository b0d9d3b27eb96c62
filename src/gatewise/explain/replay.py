"""Replaying one text: what the network computed at every step, and what the answer rests on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.classify.plain_model import PlainModel, plain_model
from gatewise.explain.credits import split_scores
from gatewise.explain.record import Replay, ReplayToken
from gatewise.explain.variants import Variants
from gatewise.text.tokens import Token

__all__ = ["replay"]


class _Fitted(Protocol):
    model_: Any


def replay(model: PlainModel | _Fitted, text: str) -> Replay:
    """Show how a model reads a text, gate by gate.

    Parameters
    ----------
    model : TextClassifier or PlainModel
        A fitted classifier, or what :func:`gatewise.store.plain_archive.load_plain` read without
        torch.
    text : str
        Any text; an empty one is read as one step of padding.

    Returns
    -------
    Replay
        Its logits are those of the network (``difference`` says how closely), and its credits
        sum to the scores whose softmax are the probabilities.

    Raises
    ------
    ConfigError
        If the model is not fitted, or the text is no string.

    References
    ----------
    The LSTM: Hochreiter & Schmidhuber 1997; its forget gate: Gers, Schmidhuber & Cummins 2000.
    """
    if not isinstance(text, str):
        raise ConfigError(f"the text is {type(text).__name__} {text!r:.60}; give one string")
    plain = model if isinstance(model, PlainModel) else _plain(model)
    spans = plain.tokens(text)
    tokens = [token.text for token in spans]
    trace = plain.trace(tokens)
    split = split_scores(plain, trace, tokens)
    steps = plain.steps(np.arange(len(tokens)))
    probabilities = plain.blended(
        trace.logits[None], plain.ngrams.scores([tokens]) if plain.ngrams else None
    )[0]
    unread = sorted(set(range(len(tokens))) - set(steps.tolist()))
    return Replay(
        text=text,
        labels=plain.labels,
        config=plain.network.config,
        tokens=[_token(plain, text, spans[place] if place >= 0 else None) for place in steps],
        unread=[_token(plain, text, spans[place]) for place in unread],
        trace=trace,
        credits=split,
        probabilities=probabilities,
        variants=Variants(plain, tokens, split.steps[:, int(probabilities.argmax())]),
        difference=_difference(model, tokens, trace.logits),
    )


def _plain(model: _Fitted) -> PlainModel:
    if not hasattr(model, "model_"):
        raise ConfigError(
            f"a fitted TextClassifier or a loaded model is needed, and this is "
            f"{type(model).__name__} {model!r:.80}; call fit first"
        )
    return plain_model(model.model_)


def _token(model: PlainModel, text: str, token: Token | None) -> ReplayToken:
    if token is None:
        return ReplayToken("", 0, 0, "", "padding")
    kind = "known" if token.text in model.vocabulary else "unknown"
    if kind == "unknown" and model.vocabulary.known_ngrams(token.text):
        kind = "spelt"
    return ReplayToken(text[token.start : token.end], token.start, token.end, token.text, kind)


def _difference(
    model: PlainModel | _Fitted, tokens: list[str], logits: NDArray[np.float64]
) -> float | None:
    """Compare with the network's own logits, where there is one in torch."""
    if isinstance(model, PlainModel):
        return None
    return float(np.abs(model.model_.logits([tokens])[0] - logits).max())
