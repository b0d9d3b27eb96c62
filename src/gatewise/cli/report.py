"""``gatewise report``: a run -> one page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gatewise.cli.console import check_out_file, remark, require_training, say

__all__ = ["report"]

RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="The folder of a run of tune or compare.", show_default=False
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="The page; RUN/report.html by default.", show_default=False
    ),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Show it in the browser.")]


def report(run: RunArgument, *, out: OutOption = None, show: OpenOption = False) -> None:
    """Write what a run has found as one page that needs nothing from elsewhere."""
    require_training("draw a report")
    from gatewise.report.run_page import write_run_page

    check_out_file(out)
    page = write_run_page(run, out)
    say(f"written: {page}")
    if show and not webbrowser.open(page.resolve().as_uri()):
        remark(["there is no browser to show it in; open the page by hand"])
