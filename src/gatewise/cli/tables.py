"""Results -> what is printed of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from gatewise.cli.console import visible
from gatewise.text.accounts import shown

if TYPE_CHECKING:
    from gatewise.classify.model import FittedModel
    from gatewise.evaluate.evaluation import Evaluation
    from gatewise.evaluate.metrics import Metrics
    from gatewise.selection.choice import CandidateResult, Choice
    from gatewise.selection.comparison import Comparison

__all__ = [
    "PART_NAMES",
    "candidate_table",
    "class_table",
    "confused_table",
    "epochs_told",
    "fact_table",
    "held_out_facts",
    "method_table",
    "pair_table",
    "part_table",
    "remarks_on",
    "share",
]

PART_NAMES = {"lstm": "LSTM alone", "ngrams": "n-grams alone", "blend": "blend"}

_N_CLASSES = 20
_N_PAIRS = 10


def share(value: float) -> str:
    """Write a share as per cent."""
    return f"{value:.1%}"


def fact_table(facts: Iterable[tuple[str, str]]) -> Table:
    """Lay out names and what stands behind them."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, visible(value))
    return table


def part_table(evaluation: Evaluation) -> Table:
    """Compare the network, the companion and the blend."""
    table = _table("", "accuracy", "macro F1", "calibration error", "chance alone")
    for name, part in evaluation.parts.items():
        if part is not None:
            found = part.accuracy, part.macro_f1, part.calibration.error, part.calibration.by_chance
            table.add_row(PART_NAMES[name], *map(share, found))
    return table


def class_table(metrics: Metrics) -> Table:
    """Show the classes with the lowest F1 of those that stand in the records."""
    present = [(name, scores) for name, scores in metrics.per_class.items() if scores.support]
    present.sort(key=lambda one: (one[1].f1, one[0]))
    table = _table("worst classes", "precision", "recall", "F1", "records")
    for name, scores in present[:_N_CLASSES]:
        shares = map(share, (scores.precision, scores.recall, scores.f1))
        table.add_row(visible(name), *shares, f"{scores.support:,}")
    if len(present) > _N_CLASSES:
        table.add_row(f"and {len(present) - _N_CLASSES:,} better ones")
    return table


def confused_table(metrics: Metrics) -> Table:
    """Show what is most often mistaken for what."""
    table = Table(box=None, pad_edge=False)
    table.add_column("most confused: true", overflow="fold")
    table.add_column("predicted", overflow="fold")
    table.add_column("records", justify="right")
    for pair in metrics.confused[:_N_PAIRS]:
        table.add_row(visible(pair.true), visible(pair.predicted), f"{pair.count:,}")
    return table


def remarks_on(metrics: Metrics) -> list[str]:
    """Say which labels of the records the model does not know."""
    if not metrics.unknown:
        return []
    named = shown([f"{label!r} {count:,}" for label, count in metrics.unknown.items()])
    n_records = sum(metrics.unknown.values())
    return [
        f"{n_records:,} of {metrics.n_records:,} records have labels that the model was not "
        f"trained on, and count as wrong: {named}"
    ]


def candidate_table(results: Sequence[CandidateResult], choice: Choice) -> Table:
    """Compare candidates that were cross-validated, the best first."""
    what = results[0].score.replace("_", " ").replace("f1", "F1")
    table = _table("candidate", what, "+-", "LSTM alone", "seconds a fit", "parameters")
    table.add_column("", overflow="fold")
    marks = ((choice.chosen, "chosen"), (choice.best, "best"), (choice.fastest, "fastest"))
    for place, one in sorted(enumerate(results), key=lambda both: _rank(both[1])):
        told = [_number(value, ".2%") for value in (one.mean, one.standard_error)]
        told += [_number(one.part_mean("lstm"), ".2%"), _number(one.seconds, ",.0f")]
        state = visible(one.state) or ", ".join(mark for number, mark in marks if number == place)
        table.add_row(visible(one.name), *told, _count(one.parameters), state)
    return table


def method_table(results: Sequence[CandidateResult], chosen: int) -> Table:
    """Compare methods that were cross-validated, the best first."""
    what = results[0].score.replace("_", " ").replace("f1", "F1")
    table = _table("method", what, "deviation", "seconds a fit", "numbers learnt")
    table.add_column("", overflow="fold")
    for place, one in sorted(enumerate(results), key=lambda both: _rank(both[1])):
        told = [_number(value, ".2%") for value in (one.mean, one.deviation)]
        told.append(_number(one.seconds, ",.1f"))
        state = visible(one.state) or ("quickest that is as good" if place == chosen else "")
        table.add_row(one.name, *told, _count(one.parameters), state)
    return table


def pair_table(found: Comparison) -> Table:
    """Show which of two methods is better, and how surely."""
    names = {str(one.params["method"]): one.name for one in found.results}
    table = _table("first", "second", "points", "95 % interval", "p (t-test)", "p (McNemar)")
    for pair in found.pairs:
        one = pair.difference
        interval = f"{100 * one.low:+.2f} to {100 * one.high:+.2f}"
        chances = map(_chance, (one.p_value, pair.mcnemar))
        table.add_row(
            names[pair.first], names[pair.second], f"{100 * one.mean:+.2f}", interval, *chances
        )
    return table


def _rank(result: CandidateResult) -> tuple[bool, float]:
    return bool(result.state), math.inf if math.isnan(result.mean) else -result.mean


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _chance(p_value: float) -> str:
    return f"{p_value:.4f}" if p_value >= 0.0001 else "< 0.0001"


def held_out_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tell the accuracies on the records held out while training."""
    held_out = facts.get("held_out")
    if not held_out:
        return [("held out", "nothing, so nothing was measured")]
    told = [("held out", f"{held_out['n_records']:,} records")]
    told += [
        (f"  {name}", share(held_out[part]))
        for part, name in PART_NAMES.items()
        if part in held_out
    ]
    return told


def epochs_told(model: FittedModel) -> str:
    """Tell how many epochs were run, and how many of them on all records."""
    epochs = [result.epoch for result in model.history]
    n_first = next((place for place, epoch in enumerate(epochs) if place and epoch == 1), None)
    n_first = len(epochs) if n_first is None else n_first
    told = f"{n_first} of {model.recipe.epochs}"
    n_last = len(epochs) - n_first
    return f"{told}, then {n_last} on all records" if n_last else told


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table
