"""The report of a model: one HTML file that needs nothing from elsewhere, nor a script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gatewise import __version__
from gatewise.base.files import write_bytes
from gatewise.classify.classifier import TextClassifier
from gatewise.report.model_charts import model_charts
from gatewise.report.model_facts import ModelFacts, model_facts
from gatewise.report.pictures import grid_picture, heat_picture, map_picture
from gatewise.text.corpus import Corpus

__all__ = ["model_page", "write_model_page"]

_CONTENTS = {
    "accuracy": "Against simpler ways",
    "data": "Data",
    "words": "Word vectors",
    "learning": "How it learnt",
    "classes": "Class by class",
    "confusion": "What is taken for what",
    "calibration": "Can its probabilities be believed?",
    "abstaining": "What “I don't know” brings",
    "hardest": "Records to read",
    "replay": "One record, step by step",
    "runs": "Searches and comparisons",
    "costs": "What it costs",
    "again": "To make it again",
}


def write_model_page(
    classifier: TextClassifier,
    out: Path,
    *,
    corpus: Corpus | None = None,
    data: Corpus | None = None,
    redact: bool = False,
    runs: Sequence[Path] = (),
    command: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> Path:
    """Write the report of a model.

    Parameters
    ----------
    classifier : TextClassifier
        A fitted one.
    out : Path
        The page, replaced atomically; its folder must exist.
    corpus : Corpus, optional
        The records that it was trained on, in their order.
    data : Corpus, optional
        Labelled records to measure on instead of the held-out ones.
    redact : bool
        Mask in all texts what may name a person.
    runs : sequence of Path
        Folders of ``tune`` or ``compare``, whose charts are shown.
    command : str, optional
        What was typed to train it.
    versions : mapping of str to str, optional
        The packages that it was made with; None: those installed.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If the classifier is not fitted.
    DataError
        If a folder of ``runs`` holds no run that has ended.
    """
    facts = model_facts(
        classifier,
        corpus=corpus,
        data=data,
        redact=redact,
        runs=runs,
        command=command,
        versions=versions,
    )
    # A text may hold half of a surrogate pair, which no encoding has.
    write_bytes(out, model_page(facts).encode("utf-8", "replace"))
    return out


def model_page(facts: ModelFacts) -> str:
    """Lay out what is known of a model; every text is escaped.

    Parameters
    ----------
    facts : ModelFacts
        From :func:`gatewise.report.model_facts.model_facts`.

    Returns
    -------
    str
        HTML. The same facts give the same text.
    """
    environment = Environment(
        loader=PackageLoader("gatewise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "points": _points,
        "signed": _signed,
        "counted": _counted,
        "breakable": _breakable,
    }
    script = _part("model.js")
    quality, replayed, words = facts.quality, facts.replayed, facts.words["map"]
    charts = {name: Markup(svg) for name, svg in model_charts(facts).items()}  # our own drawings
    return environment.get_template("model.html").render(
        facts=facts,
        charts=_Charts(charts),
        contents=list(_CONTENTS.items()),
        matrix=grid_picture(quality.grid) if quality and quality.grid.labels else None,
        word_map=map_picture(words) if words else None,
        heat=heat_picture(replayed) if replayed else None,
        style=Markup(_part("report.css") + _part("model.css")),
        script=Markup(script),
        script_hash=Markup(_hash(script)),
        version=__version__,
    )


class _Charts(dict[str, Markup]):
    """Charts by name; one that was not drawn is empty."""

    def __missing__(self, name: str) -> Markup:
        return Markup()


def _part(name: str) -> str:
    return (resources.files("gatewise.report") / "templates" / name).read_text("utf-8")


def _hash(script: str) -> str:
    """Name a script for the page's policy, which lets no other one run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _points(value: float | None) -> str:
    """Write a share as points of per cent."""
    return "" if value is None else f"{100 * value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _breakable(label: str) -> Markup:
    """Let a browser break a label behind its underscores, rather than inside a word."""
    return escape(label).replace("_", Markup("_<wbr>"))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
