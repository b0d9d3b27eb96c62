"""What requests and answers look like: the checks of the first, the description of both."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)

__all__ = [
    "ErrorAnswer",
    "FlagAnswer",
    "InferAnswer",
    "InferRequest",
    "MetadataAnswer",
    "ModelAnswer",
    "ModelsAnswer",
    "Number",
    "PredictAnswer",
    "PredictRequest",
    "ReplayRequest",
    "ServerAnswer",
    "Strict",
    "Text",
    "whole_text",
]


_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def whole_text(text: str) -> str:
    """Refuse what no file of texts may hold.

    Raises
    ------
    ValueError
        If there is a NUL character or half a surrogate pair in it.
    """
    if found := _NO_TEXT.search(text):
        what = "a NUL character" if found[0] == "\0" else "half a surrogate pair"
        raise ValueError(f"a text has {what} at character {found.start() + 1:,}; leave it out")
    return text


def _from_float(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[StrictStr, AfterValidator(whole_text)]
Number = Annotated[StrictInt, BeforeValidator(_from_float)]  # 2.0 is a whole number in JSON


def _flat(data: Any) -> Any:
    """Put the lists of a list one after the other; what is mixed stays so, and is refused."""
    if isinstance(data, list) and all(isinstance(row, list) for row in data):
        return list(itertools.chain.from_iterable(data))
    return data


# A complaint for each of a million wrong items would take seconds.
_Texts = Annotated[list[Text], Field(fail_fast=True)]


class Strict(BaseModel):
    """An object whose names are all known."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _one_unknown(cls, value: Any) -> Any:
        """Leave only one unknown name of many to complain about."""
        known = cls.model_fields
        if not isinstance(value, dict) or len(value) <= len(known):
            return value
        unknown = next(name for name in value if name not in known)
        return {name: value[name] for name in (*known, unknown) if name in value}


class PredictRequest(Strict):
    """Texts to classify."""

    texts: Annotated[_Texts, Field(min_length=1, description="The texts.")]
    model: StrictStr | None = Field(None, description="Which model; not needed if there is one.")
    top: Number = Field(
        1, ge=1, le=1 << 53, description="How many of the most probable labels to name."
    )
    nearest: Number = Field(
        0, ge=0, le=1 << 53, description="How many of the nearest training records."
    )


class ReplayRequest(Strict):
    """A text to replay."""

    text: Text
    model: StrictStr | None = None


class RankedLabel(BaseModel):
    """A label and how probable it is."""

    label: str
    probability: float


class NearestRecord(BaseModel):
    """A training record near the text."""

    row: int = Field(description="Its number among the training records, from 0.")
    label: str
    similarity: float = Field(description="Cosine, -1 to 1.")
    text: str | None = Field(description="Its text, if the model keeps it.")


class Prediction(BaseModel):
    """The answer to one text."""

    label: str | None = Field(description="The most probable label; null if nothing could be read.")
    probability: float | None
    in_scope: float | None = Field(description="0.05: one in twenty texts looks as strange.")
    decision: str = Field(description="The label, or abstain.")
    reason: str | None = Field(description="Why the text cannot be used.")
    top: list[RankedLabel]
    nearest: list[NearestRecord]


class PredictAnswer(BaseModel):
    """The answers to all texts, in their order."""

    model: str
    checksum: str = Field(description="Of the model that answered.")
    predictions: list[Prediction]


class ModelAnswer(BaseModel):
    """What a model is."""

    name: str
    labels: list[str]
    language: str
    abstain_below: float
    outside_below: float
    n_nearest: int = Field(description="Training records that nearest can name; 0: none.")
    checksum: str
    seed: int
    versions: dict[str, str]
    facts: dict[str, Any]
    loaded_at: float
    load_seconds: float
    has_report: bool


class ModelsAnswer(BaseModel):
    """All models."""

    models: list[ModelAnswer]
    limits: dict[str, float]


class ErrorAnswer(BaseModel):
    """Why a request was not answered, in one sentence."""

    error: str
    request_id: str | None = None


class ServerAnswer(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class FlagAnswer(BaseModel):
    """Whether something is so."""

    name: str | None = None
    live: bool | None = None
    ready: bool | None = None


class TensorMetadata(BaseModel):
    """A tensor that a model takes or gives; -1: any number."""

    name: str
    datatype: str
    shape: list[int]


class MetadataAnswer(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InferInput(BaseModel):
    """A tensor of texts."""

    name: StrictStr
    shape: Annotated[list[Number], Field(min_length=1, max_length=2)]
    datatype: StrictStr
    data: Annotated[
        _Texts, BeforeValidator(_flat, json_schema_input_type=list[Text] | list[list[Text]])
    ]
    parameters: dict[str, Any] | None = None


class InferOutput(BaseModel):
    """A tensor that is asked for."""

    name: StrictStr
    parameters: dict[str, Any] | None = None


class InferRequest(BaseModel):
    """A request of the Open Inference Protocol."""

    id: StrictStr | None = None
    parameters: dict[str, Any] | None = None
    inputs: Annotated[list[InferInput], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[InferOutput], Field(max_length=16, fail_fast=True)] | None = None


class InferTensor(BaseModel):
    """A tensor of answers."""

    name: str
    shape: list[int]
    datatype: Literal["BYTES", "FP64"]
    data: list[Any]


class InferAnswer(BaseModel):
    """An answer of the Open Inference Protocol."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[InferTensor]
