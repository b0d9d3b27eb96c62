"""``gatewise audit``: labels that look wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from gatewise.base.errors import ConfigError
from gatewise.cli.console import check_out_file, remark, require_training, say, show, visible
from gatewise.cli.options import DataArgument
from gatewise.cli.progress import open_progress
from gatewise.cli.run_options import (
    RunOption,
    SeedOption,
    given_options,
    parted,
    read_fit_data,
    telling_how_to_go_on,
    with_fit_data,
)
from gatewise.cli.settings import SETTINGS, about_answers, given_settings, with_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewise.evaluate.audit import Audit
    from gatewise.evaluate.duplicates import Twin
    from gatewise.text.corpus import Corpus

__all__ = ["audit"]

# What belongs to the run, or to a model that is kept, is no option.
_NOT_OPEN = ("random_state", "class_weight", *about_answers())
_N_SHOWN = 15
_WIDTH = 60  # characters of a text

ApplyOption = Annotated[
    Path | None,
    typer.Option(
        "--apply",
        metavar="FILE",
        help="An audit.csv whose column 'corrected' was filled in: write DATA again with these "
        "labels, into RUN/corrected.csv.",
        show_default=False,
    ),
]
TestOption = Annotated[
    Path | None,
    typer.Option(
        "--test",
        metavar="FILE",
        help="Labelled texts that should be new: those that stand in DATA too are told.",
        show_default=False,
    ),
]


@with_settings(*(setting.name for setting in SETTINGS if setting.name not in _NOT_OPEN))
@with_fit_data
def audit(
    data: DataArgument,
    *,
    out: RunOption,
    apply: ApplyOption = None,
    test: TestOption = None,
    seed: SeedOption = 0,
    **options: Any,
) -> None:
    """List the labels that look wrong, for somebody to look at.

    Every record is answered by a model that has not seen it. RUN/audit.csv has the records that are
    answered differently, the most suspicious first, with line numbers; fill in its column
    'corrected' with the right label, or (remove), and give it back with --apply.
    """
    require_training("audit labels")
    from gatewise.selection.auditing import AUDIT, add_leaks, audit_data
    from gatewise.selection.sizes import TuneRequest
    from gatewise.text.folders import file_names

    reading, settings = parted(options)
    fixed = given_settings(settings)
    if apply is not None:
        others = given_settings({"test": test, "seed": seed or None})
        _check_alone([*others, *given_options(reading), *fixed])
        _apply(data, apply, out, reading)
        return
    other = None if test is None else _read_test(test, reading)  # before the fits, in case it fails
    language = fixed.get("language", "auto")
    shared, lines, place = read_fit_data(data, reading, out=out, seed=seed, language=language)
    request = TuneRequest(out, {}, fixed, seed=seed, engine=place, lines=lines)
    files = file_names(Path(data), lines) if Path(data).is_dir() else None
    with telling_how_to_go_on(), open_progress() as progress:
        found = audit_data(shared, request, progress, files)
    _tell(found, shared.texts, files or lines)
    if other is not None:
        _tell_leaks(*add_leaks(out, shared.texts, files or lines, other), files or lines, other)
    way_on = _MOVE if files else _FILL_IN
    told = f"; {way_on}" if found.suspects else ""
    say("", f"written: {out / AUDIT}{told}")


_FILL_IN = "fill in its column 'corrected', and give it to --apply"
_MOVE = "move the files whose label is wrong into the folders of their labels"


def _check_alone(options: Sequence[str]) -> None:
    if options:
        raise ConfigError(
            "--apply trains nothing and takes --text and --label alone; leave "
            f"--{options[0].replace('_', '-')} away"
        )


def _apply(data: str, reviewed: Path, out: Path, reading: dict[str, Any]) -> None:
    from gatewise.selection.auditing import CORRECTED, read_corrections, write_corrected
    from gatewise.text.accounts import counted
    from gatewise.text.corpus import read_corpus

    if data == "-" or Path(data).is_fifo():
        raise ConfigError("--apply reads DATA twice, which a pipe does not allow; give a file")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; give --out a folder for {CORRECTED}")
    if out.is_dir():
        check_out_file(out / CORRECTED, data, reviewed)
    corpus = read_corpus(data, text_column=reading["text"], label_column=reading["label"])
    corrections = read_corrections(reviewed, list(corpus.label_counts))
    out.mkdir(parents=True, exist_ok=True)
    remark(f"note: {note}" for note in corpus.notes)
    changed, removed = write_corrected(data, corrections, corpus, out / CORRECTED)
    told = f"{counted(changed, 'label')} changed, {counted(removed, 'record')} left out"
    say(f"{told}; written: {out / CORRECTED}")


def _tell(found: Audit, texts: Sequence[str], lines: Sequence[Any]) -> None:
    flagged = sum(one.is_flagged for one in found.suspects)
    say(
        f"{found.n_judged:,} records judged by models that had not seen them: "
        f"{len(found.suspects):,} are answered differently, {flagged:,} of these labels are "
        "probably wrong"
    )
    if found.suspects:
        _show_suspects(found, texts, lines)
    if further := _further(found, lines):
        say("", *further)
    remark(f"note: {note}" for note in found.notes)


def _show_suspects(found: Audit, texts: Sequence[str], lines: Sequence[Any]) -> None:
    table = Table(box=None, pad_edge=False)
    place = "file" if isinstance(lines[0], str) else "line"
    for name in (place, "label", "looks like", "sure", "text"):
        table.add_column(name, justify="right" if name in ("line", "sure") else "left")
    for one in found.suspects[:_N_SHOWN]:
        text = " ".join(texts[one.row].split())
        cut = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
        cells = (one.given, one.suggested, f"{one.suggested_probability:.0%}", cut)
        table.add_row(str(lines[one.row]), *map(visible, cells))
    say("")
    show(table)
    if (n_more := len(found.suspects) - _N_SHOWN) > 0:
        say(f"and {n_more:,} more in the file")


def _further(found: Audit, lines: Sequence[Any]) -> list[str]:
    told = []
    if found.twins:
        pairs = [f"{lines[one.first]} and {lines[one.second]}" for one in found.twins]
        told.append(f"nearly the same text under different labels, lines {_listed(pairs)}")
    for pair in found.confused[:_N_SHOWN]:
        told.append(
            f"{pair.first!r} and {pair.second!r} are taken for each other ({pair.share:.0%} of "
            "their records): merge or redefine?"
        )
    if found.small:
        small = [f"{name} ({count})" for name, count in found.small.items()]
        told.append(f"too small to judge: {_listed(small)}")
    return told


def _read_test(test: Path, reading: dict[str, Any]) -> Corpus:
    from gatewise.text.corpus import read_corpus

    return read_corpus(
        test, text_column=reading["text"], label_column=reading["label"], min_labels=1
    )


def _tell_leaks(
    leaks: Sequence[Twin], notes: Sequence[str], lines: Sequence[Any], other: Corpus
) -> None:
    pairs = [f"{other.lines[one.second]} (as {lines[one.first]})" for one in leaks]
    told = f", lines {_listed(pairs)}" if pairs else ""
    say(f"{other.source}: {len(leaks):,} of {len(other.texts):,} texts stand in the data too{told}")
    remark(f"note: {note}" for note in notes)


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _N_SHOWN
    return ", ".join(items[:_N_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
