"""``gatewise demo``: from the bundled tickets to a measured model."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gatewise.cli.console import remark, require_training, say, show
from gatewise.cli.evaluate import show_evaluation
from gatewise.cli.progress import open_progress
from gatewise.cli.settings import given_settings, with_settings
from gatewise.cli.tables import fact_table, share
from gatewise.cli.train import training_facts, write_report

if TYPE_CHECKING:
    from gatewise.classify.classifier import TextClassifier
    from gatewise.text.corpus import Corpus

__all__ = ["demo"]

_N_EXAMPLES = 3
_MAX_EXAMPLE = 100  # characters

TicketsOption = Annotated[
    str, typer.Option("--language", metavar="en|zh", help="The English or the Chinese tickets.")
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="MODEL", help="The folder to write the model to.")
]


@with_settings("recipe", "epochs", "random_state")
def demo(
    *,
    tickets: TicketsOption = "en",
    out: OutOption = Path("demo/model"),
    **settings: Any,
) -> None:
    """Train on the bundled help-desk tickets and show what came of it."""
    require_training("train a model")
    from gatewise.classify.classifier import TextClassifier
    from gatewise.classify.training_data import TrainingData
    from gatewise.data import load_tickets, load_unlabelled_tickets
    from gatewise.evaluate.evaluation import evaluate
    from gatewise.store.training_run import prepare_run

    corpus, test = load_tickets("train", tickets), load_tickets("test", tickets)
    run = prepare_run(out, restart=True)
    remark(corpus.summary())
    with open_progress() as progress:
        classifier = run.train(
            TextClassifier(**given_settings(settings)),
            TrainingData(corpus, unlabelled=load_unlabelled_tickets(tickets)),
            progress,
        )
        evaluation = evaluate(classifier, test.texts, test.labels, progress=progress)
    show(fact_table(training_facts(classifier.model_)))
    say("", "on tickets that it has not seen:")
    show_evaluation(evaluation)
    _show_examples(classifier, test)
    write_report(classifier, out, corpus)
    say("", f"model written to {out}", f"next, type: gatewise info {shlex.quote(str(out))}")


def _show_examples(classifier: TextClassifier, test: Corpus) -> None:
    records = zip(test.texts, test.labels, strict=True)
    examples = [record for record in records if len(record[0]) <= _MAX_EXAMPLE][:_N_EXAMPLES]
    probabilities = classifier.predict_proba([text for text, _ in examples])  # (N, C)
    for (text, label), row in zip(examples, probabilities, strict=True):
        found = str(classifier.classes_[row.argmax()])
        verdict = "right" if found == label else f"it is {label}"
        say("", text, f"  -> {found} ({share(float(row.max()))}), {verdict}")
