"""A run of ``tune`` or ``compare`` -> one page that needs nothing from elsewhere, and its chart."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gatewise import __version__
from gatewise.base.files import write_bytes
from gatewise.report.charts import curve_chart, run_chart
from gatewise.report.facts import RunFacts, part_mean, read_run

__all__ = ["CHART", "PAGE", "run_page", "write_run_page"]

CHART, PAGE = "chart.svg", "report.html"


def write_run_page(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a run, and its chart as a file of its own beside the results.

    Parameters
    ----------
    folder : Path
        Of the run.
    out : Path, optional
        The page; ``folder / "report.html"`` by default.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        If the folder holds no run that has ended.
    """
    facts = read_run(folder)
    chart = run_chart(facts)
    path = out or folder / PAGE
    write_bytes(folder / CHART, f'<?xml version="1.0" encoding="utf-8"?>\n{chart}'.encode())
    write_bytes(path, run_page(facts, chart).encode("utf-8"))
    return path


def run_page(facts: RunFacts, chart: str) -> str:
    """Lay out what a run has found; every text is escaped, and there is no script."""
    environment = Environment(
        loader=PackageLoader("gatewise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    score = str(facts.summary["score"])
    environment.filters |= {
        "points": _points,
        "difference": _difference,
        "number": _number,
        "count": _count,
        "chance": _chance,
        "part": lambda row, part: part_mean(row, part, score),
    }
    rows = sorted(
        facts.rows,
        key=lambda row: (bool(row["state"]), -(row["mean"] or 0.0), not row["chosen"], row["name"]),
    )
    return environment.get_template(f"{facts.question}.html").render(
        rows=rows,
        summary=facts.summary,
        score=score.replace("_", " ").replace("f1", "F1"),
        curve=Markup(curve_chart(facts)) if facts.summary.get("curve") else "",
        titles={row["params"].get("method"): row["name"] for row in facts.rows},
        chart=Markup(chart),  # our own drawing, whose texts matplotlib has escaped
        style=Markup(_style()),
        version=__version__,
    )


def _style() -> str:
    return (resources.files("gatewise.report") / "templates" / "report.css").read_text("utf-8")


def _points(value: float | None) -> str:
    """Write a share as points of per cent."""
    return "" if value is None else f"{100 * value:.2f}"


def _difference(value: float) -> str:
    """Write a difference of shares as points of per cent, with a minus as wide as a plus."""
    return f"{100 * value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _count(value: int) -> str:
    """Write a number of things that were learnt; nothing where nothing was."""
    return f"{value:,}" if value else ""


def _chance(p_value: float) -> str:
    return f"{p_value:.4f}" if p_value >= 0.0001 else "< 0.0001"
