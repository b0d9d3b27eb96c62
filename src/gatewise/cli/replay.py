"""``gatewise replay``: how a model read one text, gate by gate."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import check_out_file, remark, say
from gatewise.cli.options import ModelArgument

__all__ = ["replay"]

TextArgument = Annotated[
    str,
    typer.Argument(
        metavar="TEXT", help="The text, or - to read it from standard input.", show_default=False
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a page with pictures, which needs nothing from elsewhere.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
BeforeOption = Annotated[
    bool, typer.Option("--before", help="With --json: the gates before their activations too.")
]


def replay(
    model: ModelArgument,
    text: TextArgument,
    *,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    before: BeforeOption = False,
) -> None:
    """Show how a model reads a text: every gate, what each token adds, when it decided."""
    from gatewise.base.files import write_bytes
    from gatewise.explain.page import replay_page
    from gatewise.explain.replay import replay as replay_text

    check_out_file(html, model)
    if before and not as_json:
        raise ConfigError("--before is about --json; add --json, or leave it away")
    found = replay_text(_load(model), _read_text() if text == "-" else text)
    if html is not None:
        write_bytes(html, replay_page(found).encode("utf-8", "replace"))
        remark([f"page written to {html}"])
    if as_json:
        typer.echo(json.dumps(found.to_dict(before=before), ensure_ascii=False))
    else:
        say(*str(found).splitlines())


def _read_text() -> str:
    """Read standard input as files are read, whatever the system takes its encoding to be."""
    from gatewise.text.lines import open_text

    file = open_text(None)
    if file.note and file.encoding != "utf-8":
        remark([f"note: {file.note}"])
    return "".join(file.lines())


def _load(model: Path) -> Any:
    """Open with torch where there is torch: then the replay is compared with the network."""
    if importlib.util.find_spec("torch") is None:
        from gatewise.store.plain_archive import load_plain

        return load_plain(model)
    from gatewise.store.archive import load

    return load(model)
