"""``gatewise info``: what a model is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewise.base.errors import ModelFileError
from gatewise.cli.console import require_training, say, show
from gatewise.cli.options import ModelArgument
from gatewise.cli.tables import epochs_told, fact_table, held_out_facts, share

if TYPE_CHECKING:
    from gatewise.classify.model import FittedModel

__all__ = ["info"]

VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify", help="Compute the golden texts again and compare with what was saved."
    ),
]


def info(model: ModelArgument, *, verify: VerifyOption = False) -> None:
    """Show a model's labels, sizes, settings, held-out scores and versions."""
    require_training("open a model")
    from gatewise.store.archive import load
    from gatewise.store.archive import verify as largest_difference
    from gatewise.store.golden import TOLERANCE
    from gatewise.store.manifest import MANIFEST, read_manifest

    classifier = load(model)
    manifest = read_manifest(model / MANIFEST)
    show(fact_table(_sizes(classifier.model_, model)))
    say("", "held out while training")
    show(fact_table(held_out_facts(classifier.model_.facts)))
    say("", "settings")
    settings = {**asdict(classifier.recipe_), "seed": manifest.seed}
    show(fact_table((name, str(value)) for name, value in settings.items()))
    say("", "made with")
    versions = {**manifest.versions, "icu": manifest.tokenizer.icu}
    show(fact_table(versions.items()))
    if verify:
        difference = largest_difference(classifier, model)
        if difference > TOLERANCE:
            raise ModelFileError(
                f"{model}: a golden text's probability differs by {difference:.2g} from what was "
                f"saved; allowed is {TOLERANCE:g}; install the versions it was made with"
            )
        say(
            "",
            "verified: every file has its checksum, and the golden texts' probabilities differ "
            f"by {difference:.2g} at most",
        )


def _sizes(model: FittedModel, folder: Path) -> list[tuple[str, str]]:
    n_parameters = sum(parameter.numel() for parameter in model.network.parameters())
    n_bytes = sum(path.stat().st_size for path in folder.iterdir())
    companion = f"{len(model.ngrams.terms):,} n-grams" if model.ngrams else "none"
    return [
        ("model", f"{folder}, {n_bytes / 1e6:,.1f} MB"),
        ("labels", f"{len(model.labels):,}: {', '.join(model.labels)}"),
        ("language", model.language),
        ("vocabulary", f"{len(model.vocabulary) - 2:,} words"),
        ("letter groups", f"{len(model.vocabulary.ngrams):,}"),
        ("network", f"{n_parameters:,} parameters"),
        ("companion", companion),
        ("trained on", f"{model.facts['n_records']:,} records"),
        ("epochs", epochs_told(model)),
        ("abstains below", _thresholds(model)),
        ("computes on", model.precision.describe()),
    ]


def _thresholds(model: FittedModel) -> str:
    decision = model.decision
    told = []
    if decision.outside_below:
        told.append(f"an in-scope score of {share(decision.outside_below)}")
    if decision.abstain_below:
        told.append(f"a probability of {share(decision.abstain_below)}")
    return " or ".join(told) or "nothing: every text is answered"
