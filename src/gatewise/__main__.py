"""``python -m gatewise``: the command line."""

from __future__ import annotations

from gatewise.cli.main import run

if __name__ == "__main__":
    run()
