"""``gatewise compare``: what the word vectors, the LSTM and the n-grams each bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from gatewise.cli.settings import SETTINGS, about_answers, given_settings, with_settings
from gatewise.cli.tables import method_table, pair_table

if TYPE_CHECKING:
    from gatewise.selection.comparison import Comparison

__all__ = ["compare"]

# What is compared, or belongs to the run or to a model that is kept, is no option.
_COMPARED = ("recipe", "embedding", "companion")
_NOT_OPEN = (*_COMPARED, "random_state", "class_weight", *about_answers())

MethodsOption = Annotated[
    str | None,
    typer.Option(
        "--methods",
        metavar="A,B,...",
        help="Only these: modern, modern-frozen, modern-random, lstm, lstm-frozen, lstm-random, "
        "ngrams, averages, classic (by far the slowest).",
        show_default=False,
    ),
]
CurveOption = Annotated[
    bool,
    typer.Option("--curve/--no-curve", help="Learn from 10, 25 and 50 % of the records as well."),
]


@with_settings(*(setting.name for setting in SETTINGS if setting.name not in _NOT_OPEN))
@with_fit_data
def compare(
    data: DataArgument,
    *,
    out: RunOption,
    score: ScoreOption = "accuracy",
    methods: MethodsOption = None,
    curve: CurveOption = True,
    seed: SeedOption = 0,
    **options: Any,
) -> None:
    """Find out what word vectors, fine-tuning, LSTM and n-grams each bring on your data.

    All are fitted on the same folds: word2vec frozen, fine-tuned and random vectors, with and
    without n-grams, n-grams alone, averaged vectors with a logistic regression, and the forum's
    recipe. Differences are tested; a paragraph says what follows, and whether more labels would
    help.
    """
    require_training("compare methods")
    from gatewise.report.run_page import write_run_page
    from gatewise.selection.comparison import METHODS, CompareRequest
    from gatewise.selection.comparison import compare as compare_methods

    reading, settings = parted(options)
    fixed = given_settings(settings)
    language = fixed.get("language", "auto")
    shared, lines, place = read_fit_data(data, reading, out=out, seed=seed, language=language)
    named = [method.key for method in METHODS] if methods is None else methods.split(",")
    request = CompareRequest(
        out,
        fixed,
        score=score,
        methods=[key.strip() for key in named],
        curve=curve,
        seed=seed,
        engine=place,
        lines=lines,
    )
    with telling_how_to_go_on(), open_progress() as progress:
        found = compare_methods(shared, request, progress)
    page = write_run_page(out)
    _tell(found)
    say("", f"written: {page}, and beside it results.json, oof.parquet and chart.svg")


def _tell(found: Comparison) -> None:
    show(method_table(found.results, found.chosen))
    if found.pairs:
        say("")
        show(pair_table(found))
    say("", found.conclusion)
    remark(f"note: {note}" for note in found.notes)
