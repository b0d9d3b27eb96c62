"""``gatewise compare``: what the word vectors, the LSTM and the n-grams each bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.cli.console import remark, require_training, say, show
from gatewise.cli.options import DataArgument, LabelOption, TextOption
from gatewise.cli.progress import open_progress
from gatewise.cli.run_options import (
    AddressOption,
    ClassWeightOption,
    EngineOption,
    FoldsOption,
    GroupOption,
    RepeatsOption,
    RunOption,
    ScoreOption,
    SeedOption,
    ThreadsOption,
    TimeOption,
    UnlabelledOption,
    VectorsOption,
    WorkersOption,
    read_fit_data,
    telling_how_to_go_on,
)
from gatewise.cli.settings import SETTINGS, given_settings, with_settings
from gatewise.cli.tables import method_table, pair_table

if TYPE_CHECKING:
    from gatewise.selection.comparison import Comparison

__all__ = ["compare"]

# What is compared, or belongs to the run, is no option.
_NOT_OPEN = ("recipe", "embedding", "companion", "random_state", "class_weight")

CurveOption = Annotated[
    bool,
    typer.Option("--curve/--no-curve", help="Learn from 10, 25 and 50 % of the records as well."),
]


@with_settings(*(setting.name for setting in SETTINGS if setting.name not in _NOT_OPEN))
def compare(
    data: DataArgument,
    *,
    out: RunOption,
    text: TextOption = None,
    label: LabelOption = None,
    score: ScoreOption = "accuracy",
    curve: CurveOption = True,
    seed: SeedOption = 0,
    folds: FoldsOption = 5,
    repeats: RepeatsOption = 1,
    group: GroupOption = None,
    time: TimeOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = 1,
    unlabelled: UnlabelledOption = None,
    vectors: VectorsOption = None,
    class_weight: ClassWeightOption = None,
    **settings: Any,
) -> None:
    """Find out what word vectors, fine-tuning, LSTM and n-grams each bring on your data.

    All are fitted on the same folds: word2vec frozen, fine-tuned and random vectors, with and
    without n-grams, n-grams alone, averaged vectors with a logistic regression, and the forum's
    recipe. Differences are tested; a paragraph says what follows, and whether more labels would
    help.
    """
    require_training("compare methods")
    from gatewise.report.run_page import write_run_page
    from gatewise.selection.comparison import CompareRequest
    from gatewise.selection.comparison import compare as compare_methods

    fixed = given_settings(settings)
    shared, lines, place = read_fit_data(
        data,
        text=text,
        label=label,
        folds=folds,
        repeats=repeats,
        group=group,
        time=time,
        seed=seed,
        engine=engine,
        address=address,
        workers=workers,
        threads=threads,
        unlabelled=unlabelled,
        vectors=vectors,
        class_weight=class_weight,
        language=fixed.get("language", "auto"),
    )
    request = CompareRequest(
        out, fixed, score=score, curve=curve, seed=seed, engine=place, lines=lines
    )
    with telling_how_to_go_on(), open_progress() as progress:
        found = compare_methods(shared, request, progress)
    page = write_run_page(out)
    _tell(found)
    say("", f"written: {page}, and beside it results.json, oof.parquet and chart.svg")


def _tell(found: Comparison) -> None:
    show(method_table(found.results, found.chosen))
    say("")
    show(pair_table(found))
    say("", found.conclusion)
    remark(f"note: {note}" for note in found.notes)
