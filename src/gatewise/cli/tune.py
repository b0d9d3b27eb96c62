"""``gatewise tune``: how many units, and whatever else, by cross-validation."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.console import remark, require_training, say, show
from gatewise.cli.options import DataArgument
from gatewise.cli.progress import open_progress
from gatewise.cli.run_options import (
    RunOption,
    ScoreOption,
    SeedOption,
    parted,
    read_fit_data,
    telling_how_to_go_on,
    with_fit_data,
)
from gatewise.cli.search_settings import searched_settings, with_searched_settings
from gatewise.cli.tables import candidate_table

if TYPE_CHECKING:
    from gatewise.selection.sizes import Tuning

__all__ = ["tune"]

_TRIALS, _COVERAGE = 20, 0.95

SamplerOption = Annotated[
    str,
    typer.Option(
        "--sampler",
        metavar="grid|optuna",
        help="All combinations, or as many as --trials, each chosen by what was found before.",
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        help="Candidates that optuna tries; by default 20.",
        show_default=False,
    ),
]
DropOption = Annotated[
    bool,
    typer.Option(
        "--drop/--no-drop",
        help="Give a candidate up that cannot catch up after two folds (by accuracy only).",
    ),
]
FinalOption = Annotated[
    bool,
    typer.Option("--final/--no-final", help="Train the chosen one on all records, into RUN/model."),
]
CoverageOption = Annotated[
    float | None,
    typer.Option(
        "--abstain-coverage",
        metavar="SHARE",
        help="Share of texts of these labels that the model answers, from 0 to 1; the strangest it "
        "does not. By default 0.95.",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    float | None,
    typer.Option(
        "--abstain-precision",
        metavar="SHARE",
        help="Share of the answers given that should be right, from 0 to 1.",
        show_default=False,
    ),
]
KeepTextsOption = Annotated[
    bool,
    typer.Option(
        "--keep-texts", help="Keep the texts in the model, to show those nearest to a new one."
    ),
]


@with_searched_settings
@with_fit_data
def tune(
    data: DataArgument,
    *,
    out: RunOption,
    sampler: SamplerOption = "grid",
    trials: TrialsOption = None,
    score: ScoreOption = "accuracy",
    drop: DropOption = True,
    final: FinalOption = True,
    coverage: CoverageOption = None,
    answers_right: PrecisionOption = None,
    keep_texts: KeepTextsOption = False,
    seed: SeedOption = 0,
    **options: Any,
) -> None:
    """Find out by cross-validation how many units your data want, or any other setting.

    Every setting takes a list: --units 32,64,128 --dropout 0.3,0.5. What has several values is
    tried in all combinations; by default units and layers. Word vectors, vocabulary and the end of
    training are found anew inside each fold. The smallest network within one standard error of the
    best is trained on all records. With --sampler optuna, --units 16:512 is a range.
    """
    require_training("tune a model")
    from gatewise.report.run_page import write_run_page
    from gatewise.selection.candidates import as_space
    from gatewise.selection.sizes import TuneRequest
    from gatewise.selection.sizes import tune as tune_sizes

    if trials is not None and sampler == "grid":
        raise ConfigError("--trials is about optuna; add --sampler optuna, or leave it away")
    answers = {"coverage": coverage, "precision": answers_right, "keep-texts": keep_texts or None}
    _check_answers(answers, final=final)
    reading, settings = parted(options)
    space, fixed = as_space(searched_settings(settings))
    language = fixed.get("language", "auto")
    shared, lines, place = read_fit_data(data, reading, out=out, seed=seed, language=language)
    request = TuneRequest(
        out,
        space,
        fixed,
        sampler=sampler,
        trials=_TRIALS if trials is None else trials,
        score=score,
        drop=drop,
        final=final,
        coverage=_COVERAGE if coverage is None else coverage,
        precision=answers_right,
        keep_texts=keep_texts,
        seed=seed,
        engine=place,
        lines=lines,
    )
    with telling_how_to_go_on(), open_progress() as progress:
        found = tune_sizes(shared, request, progress)
    page = write_run_page(out)
    _tell(found)
    say("", f"written: {page}, and beside it results.json, oof.parquet and chart.svg")
    if found.model is not None:
        name = shlex.quote(str(found.model))
        say(f"model written to {found.model}", f"next, type: gatewise evaluate {name} FILE")


def _check_answers(answers: dict[str, Any], *, final: bool) -> None:
    """Check, before hours of fits, what the model at the end is to answer."""
    from gatewise.classify.decision import check_targets

    check_targets(
        _COVERAGE if answers["coverage"] is None else answers["coverage"], answers["precision"]
    )
    given = [name for name, value in answers.items() if value is not None]
    if given and not final:
        name = given[0] if given[0] == "keep-texts" else f"abstain-{given[0]}"
        raise ConfigError(f"--{name} is about the model that --no-final leaves out; leave one away")


def _tell(found: Tuning) -> None:
    show(candidate_table(found.results, found.choice))
    say("", found.choice.reason)
    fastest, chosen = found.choice.fastest, found.choice.chosen
    if fastest != chosen:
        one = found.results[fastest]
        say(f"{one.name} is the fastest within one point of the best: {one.seconds:.0f} s a fit.")
    remark(f"note: {note}" for note in found.notes)
