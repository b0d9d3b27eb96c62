"""A directive that runs its code and shows what it printed.

    ```{executed}
    print(1 + 1)
    ```

The blocks of a page share their names, in order. Code that fails fails the build. ``keep(name,
content)`` writes a file beside the pages; ``docs`` is the folder of their sources.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


class Executed(SphinxDirective):
    """Run the code; with ``:hidden:`` show only what it printed."""

    has_content = True
    folder: ClassVar[Path]  # where the pages go
    option_spec: ClassVar[dict[str, Any]] = {"hidden": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Make the blocks of code and output."""
        code = "\n".join(self.content)
        shown: list[nodes.Node] = []
        if "hidden" not in self.options:
            shown.append(nodes.literal_block(code, code, language="python"))
        if printed := self._printed(code):
            shown.append(nodes.literal_block(printed, printed, language="text"))
        return shown

    def _printed(self, code: str) -> str:
        names = self.env.temp_data.setdefault(
            "executed", {"keep": self._keep, "docs": Path(self.env.srcdir)}
        )
        output = io.StringIO()
        source, line = self.get_source_info()
        try:
            with contextlib.redirect_stdout(output), warnings.catch_warnings():
                warnings.simplefilter("error")
                exec(compile("\n" * line + code, source, "exec"), names)
        except Exception as error:
            raise ExtensionError(f"{source}:{line}: the code fails: {error!r}") from error
        return output.getvalue().rstrip()

    def _keep(self, name: str, content: str) -> None:
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    Executed.folder = Path(app.outdir)
    app.add_directive("executed", Executed)
    # The names of a page live in one process, and a page that was not read is not run.
    return {"parallel_read_safe": False, "parallel_write_safe": True}
