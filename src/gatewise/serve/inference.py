"""The Open Inference Protocol, version 2 (KServe): tensors of texts in, tensors of answers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewise.classify.answers import ABSTAIN, Answer
from gatewise.serve.models import LoadedModel
from gatewise.serve.refusals import RefusedError
from gatewise.serve.schemas import InferRequest

__all__ = ["infer_answer", "model_metadata", "texts_of", "version_of"]

_INPUT = "text"
_TYPES = {"label": "BYTES", "probability": "FP64", "in_scope": "FP64", "decision": "BYTES"}


def version_of(loaded: LoadedModel) -> str:
    """Name a model's version: the first digits of its checksum."""
    return loaded.checksum[:12]


def model_metadata(loaded: LoadedModel) -> dict[str, Any]:
    """Describe a model as the protocol does."""
    return {
        "name": loaded.name,
        "versions": [version_of(loaded)],
        "platform": "gatewise",
        "inputs": [{"name": _INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": name, "datatype": _TYPES[name], "shape": [-1]} for name in _outputs(loaded)
        ],
    }


def texts_of(request: InferRequest, loaded: LoadedModel) -> list[str]:
    """Take the texts out of a request.

    Raises
    ------
    RefusedError
        If its only input is not a vector of texts, or outputs are asked for that the model does
        not have.
    """
    (tensor,) = request.inputs
    if tensor.name != _INPUT or tensor.datatype != "BYTES":
        raise RefusedError(
            422,
            f"the input is {tensor.name[:40]!r} of datatype {tensor.datatype[:40]!r}; send one "
            f"named {_INPUT!r} of datatype 'BYTES'",
        )
    texts = tensor.data
    if tensor.shape not in ([len(texts)], [len(texts), 1]) or not texts:
        raise RefusedError(
            422,
            f"the input has the shape {tensor.shape!r} and {len(texts)} texts; the shape must be "
            "[N] or [N, 1], for N texts, at least 1",
        )
    known = _outputs(loaded)
    for output in request.outputs or ():
        if output.name not in known:
            raise RefusedError(
                422, f"there is no output {output.name[:40]!r}; there are {', '.join(known)}"
            )
    return texts


def _outputs(loaded: LoadedModel) -> list[str]:
    """Name what a model gives; one that learnt from too few records has no in-scope scores."""
    return [name for name in _TYPES if name != "in_scope" or loaded.plain.scope is not None]


def infer_answer(
    request: InferRequest, loaded: LoadedModel, answers: Sequence[Answer]
) -> dict[str, Any]:
    """Write answers as tensors."""
    wanted = [output.name for output in request.outputs or ()] or _outputs(loaded)
    columns: dict[str, list[Any]] = {
        "label": [answer.ranked[0][0] if answer.ranked else "" for answer in answers],
        "probability": [answer.ranked[0][1] if answer.ranked else 0.0 for answer in answers],
        "in_scope": [answer.in_scope or 0.0 for answer in answers],
        "decision": [
            answer.ranked[0][0] if answer.ranked and not answer.abstains else ABSTAIN
            for answer in answers
        ],
    }
    told = {"model_name": loaded.name, "model_version": version_of(loaded)}
    if request.id is not None:
        told["id"] = request.id
    outputs = [
        {"name": name, "shape": [len(answers)], "datatype": _TYPES[name], "data": columns[name]}
        for name in wanted
    ]
    return {**told, "outputs": outputs}
