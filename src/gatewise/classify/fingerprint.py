"""What makes two fits the same fit: data, settings, seed and versions, in one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from gatewise.base.files import json_bytes
from gatewise.base.versions import package_versions
from gatewise.classify.request import FitRequest, LabelledTexts

__all__ = ["fit_fingerprint", "records_fingerprint"]


def fit_fingerprint(data: LabelledTexts, request: FitRequest) -> str:
    """Compute the SHA-256 of everything that decides what a fit ends with.

    Parameters
    ----------
    data : LabelledTexts
        The training records.
    request : FitRequest
        Settings and seed.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    settings = {
        "recipe": asdict(request.recipe),
        "labels": list(request.labels),
        "seed": request.seed,
        "language": request.language,
        "validation_fraction": request.validation_fraction,
        "max_words": request.max_words,
        "word2vec_workers": request.word2vec_workers,
        "precision": request.precision.describe(),
        "versions": package_versions(),
    }
    digest.update(json_bytes(settings))
    for records in (data, request.validation):
        if records is not None:
            _add_records(digest, records)
    _add_strings(digest, request.unlabelled)
    if request.vectors is not None:
        _add_strings(digest, request.vectors.words)
        digest.update(request.vectors.matrix.tobytes())
    return digest.hexdigest()


def records_fingerprint(records: LabelledTexts) -> str:
    """Compute the SHA-256 of labelled texts, which tells whether a model was made of these."""
    digest = hashlib.sha256()
    _add_records(digest, records)
    return digest.hexdigest()


def _add_records(digest: Any, records: LabelledTexts) -> None:
    _add_strings(digest, records.texts)
    digest.update(records.targets.astype("<i8").tobytes())
    if records.weights is not None:
        digest.update(records.weights.astype("<f8").tobytes())


def _add_strings(digest: Any, strings: Iterable[str]) -> None:
    for string in strings:
        content = string.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little") + content)
    digest.update(b"\xff" * 8)
