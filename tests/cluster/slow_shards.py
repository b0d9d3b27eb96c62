"""Scoring that takes its time and tells who does it. The nodes import it from here.

Run as a program, it is the command line with such scoring, to be killed.
"""

import os
import sys
import time
from pathlib import Path

from gatewise.selection import scoring_run
from gatewise.selection.shards import score_shard

SECONDS, PATIENCE = 0.4, 120.0
WANTED = "wanted"  # a file beside the run: so many processes are to be at work before one goes on


def slowly(job, unit):
    run = Path(job.run)
    with (run / "begun").open("a") as stream:
        stream.write(f"{unit.facts['shard'][0]} {os.getpid()}\n")
    file = run.parent / WANTED
    wanted = int(file.read_text()) if file.exists() else 1
    deadline = time.monotonic() + PATIENCE
    while len({process for _, process in begun(run)}) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(SECONDS)
    return score_shard(job, unit)


def begun(run):
    """Shard and process, in the order in which they were begun."""
    path = run / "begun"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(map(int, line.split())) for line in lines]


if __name__ == "__main__":
    import slow_shards  # by this name the nodes know it

    from gatewise.cli.main import run

    scoring_run.score_shard = slow_shards.slowly
    sys.exit(run())
