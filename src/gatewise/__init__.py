"""gatewise: labelled texts in; a tuned, explained LSTM text classifier out.

The public names are loaded when they are first used, so that ``gatewise --help`` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "BatchPredictor": "gatewise.store.batch_predictor",
    "TextClassifier": "gatewise.classify.classifier",
    "WordVectors": "gatewise.vectors.word_vectors",
    "compare": "gatewise.selection.questions",
    "from_keras": "gatewise.store.from_keras",
    "load": "gatewise.store.archive",
    "load_plain": "gatewise.store.plain_archive",
    "load_predictor": "gatewise.store.predictor_archive",
    "nearest_records": "gatewise.classify.near_records",
    "read_corpus": "gatewise.text.corpus",
    "replay": "gatewise.explain.replay",
    "replay_page": "gatewise.explain.page",
    "save": "gatewise.store.archive",
    "tune": "gatewise.selection.questions",
}

__all__ = [
    "BatchPredictor",
    "TextClassifier",
    "WordVectors",
    "compare",
    "from_keras",
    "load",
    "load_plain",
    "load_predictor",
    "nearest_records",
    "read_corpus",
    "replay",
    "replay_page",
    "save",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
