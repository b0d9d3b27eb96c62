"""The parameters of TextClassifier as options of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from gatewise.cli.options import LARGEST_SEED
from gatewise.network.recipes import RECIPES

__all__ = ["SETTINGS", "Setting", "about_answers", "given_settings", "with_settings"]

_NETWORK = "Network"
_REGULARISATION = "Regularisation"
_VECTORS = "Word vectors"
_TRAINING = "Training"
_ANSWERS = "When to answer"
_MACHINE = "Language and machine"

# What leaves a setting to the number and length of the texts.
_CHOSEN = {
    "epochs": 0,
    "projection": -1,
    "adversarial": -1,
    "word2vec_passes": 0,
    "word2vec_sample": -1,
    "final_epochs": -1,
    "batch_size": 0,
    "word_rate": -1,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of TextClassifier.

    Attributes
    ----------
    name : str
        The parameter.
    kind : type
        Of what is typed; bool makes a pair ``--x/--no-x``.
    help : str
        One line.
    panel : str
        Under which heading the help shows it.
    metavar : str or None
        What can be typed.
    flag : str or None
        The option, where it is not the parameter's name with dashes.
    """

    name: str
    kind: Any
    help: str
    panel: str
    metavar: str | None = None
    flag: str | None = None

    @property
    def flags(self) -> str:
        """The option as typer declares it."""
        flag = self.flag or self.name.replace("_", "-")
        return f"--{flag}/--no-{flag}" if self.kind is bool else f"--{flag}"


SETTINGS = (
    Setting(
        "recipe",
        str,
        "The set of defaults, in brackets below: ours, that of the forum question's network, or of "
        "its answer's.",
        "Options",
        "modern|classic|minimal",
    ),
    Setting(
        "embedding",
        str,
        "Word vectors that learn on, are kept, or start at random.",
        "Options",
        "fine-tuned|frozen|random",
    ),
    Setting("units", int, "Hidden units of the LSTM per direction.", "Options"),
    Setting("layers", int, "LSTM layers stacked.", "Options"),
    Setting("epochs", int, "Times all texts are read; 0: chosen.", "Options"),
    Setting(
        "language",
        str,
        "How texts are cut into words: by script, by a language's rules, or at spaces. Punctuation "
        "is read where it helps; +signs behind it: always, +words: never.",
        "Options",
        "auto|pretokenized|CODE",
    ),
    Setting(
        "random_state",
        int,
        "The one seed: the same command gives the same model.",
        "Options",
        flag="seed",
    ),
    Setting("word_dimension", int, "Numbers in a word's vector.", _NETWORK),
    Setting("ngram_dimension", int, "Numbers in its letter groups' vector; 0: none.", _NETWORK),
    Setting(
        "projection", int, "Numbers per word that the LSTM reads; 0: all; -1: chosen.", _NETWORK
    ),
    Setting("bidirectional", bool, "Read backwards as well.", _NETWORK),
    Setting("activation", str, "Inside the LSTM.", _NETWORK, "tanh|relu"),
    Setting(
        "pooling",
        str,
        "How the states of a text become one vector.",
        _NETWORK,
        "max|mean|max-mean|last|flatten",
    ),
    Setting("pool_vectors", bool, "Pool the words' vectors beside the states.", _NETWORK),
    Setting("max_length", int, "Words read of a text, at most; half from either end.", _NETWORK),
    Setting("fixed_length", bool, "Fill every text with zeros in front.", _NETWORK),
    Setting("output", str, "How logits become probabilities.", _NETWORK, "softmax|sigmoid"),
    Setting("companion", bool, "Blend in a linear model of n-grams.", _NETWORK),
    Setting("spatial_dropout", float, "Share of the vectors' channels dropped.", _REGULARISATION),
    Setting("dropout", float, "Share dropped before the dense layer.", _REGULARISATION),
    Setting("recurrent_dropout", float, "Share dropped between time steps.", _REGULARISATION),
    Setting("label_smoothing", float, "Share of a label spread over all.", _REGULARISATION),
    Setting(
        "adversarial",
        float,
        "How far texts are moved to where the network does worse, to learn there too; 0: not; "
        "-1: chosen.",
        _REGULARISATION,
    ),
    Setting("weight_decay", float, "Decay of the dense weights.", _REGULARISATION),
    Setting("vector_scale", float, "Standard deviation at the start; 0: as they are.", _VECTORS),
    Setting("word2vec_algorithm", str, "Which of the two.", _VECTORS, "skip-gram|cbow"),
    Setting("word2vec_window", int, "Neighbours on each side.", _VECTORS),
    Setting("word2vec_passes", int, "Times word2vec reads all texts.", _VECTORS),
    Setting("word2vec_sample", float, "Share above which a word is thinned out.", _VECTORS),
    Setting("min_count", int, "Rarer words have no vector of their own.", _VECTORS),
    Setting("max_words", int, "Words kept, at most.", _VECTORS),
    Setting(
        "word2vec_workers",
        int,
        "Threads of word2vec; with more than one, two runs differ.",
        _VECTORS,
    ),
    Setting("final_epochs", int, "Epochs on all texts at the end.", _TRAINING),
    Setting("batch_size", int, "Texts per step.", _TRAINING),
    Setting("learning_rate", float, "At the top of its schedule.", _TRAINING),
    Setting("word_rate", float, "The words' share of it; -1: by the length of texts.", _TRAINING),
    Setting("warmup", float, "Share of the steps in which it rises; 0: constant.", _TRAINING),
    Setting("gradient_clip", float, "Largest norm of the gradients; 0: any.", _TRAINING),
    Setting("patience", int, "Epochs without gain before the end; 0: never.", _TRAINING),
    Setting("adam_beta2", float, "Of Adam.", _TRAINING),
    Setting("adam_epsilon", float, "Of Adam.", _TRAINING),
    Setting("validation_fraction", float, "Share of the texts held out; 0: none.", _TRAINING),
    Setting(
        "class_weight",
        list[str],
        "'balanced', or how much a label's texts count; repeatable.",
        _TRAINING,
        "balanced|LABEL=NUMBER",
    ),
    Setting(
        "abstain_coverage",
        float,
        "Share of texts of these labels that are answered; the strangest are not.",
        _ANSWERS,
        "SHARE",
    ),
    Setting(
        "abstain_precision",
        float,
        "Share of the answers given that should be right.",
        _ANSWERS,
        "SHARE",
    ),
    Setting(
        "keep_texts",
        bool,
        "Keep the texts in the model, to show those nearest to a new one.",
        _ANSWERS,
    ),
    Setting("device", str, "Where to compute.", _MACHINE, "auto|cpu|cuda"),
    Setting("precision", str, "Of the matrix products.", _MACHINE, "auto|float32|bfloat16"),
)


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add settings to a command, which takes them as ``**settings``; None where not given.

    Parameters
    ----------
    *names : str
        Which of them; all if none is named.

    Returns
    -------
    callable
        The decorator.
    """
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        added = {setting.name: _annotation(setting) for setting in chosen}
        options = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
            )
            for name, annotation in added.items()
        ]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*own, *options]
        )
        return command

    return decorate


def about_answers() -> tuple[str, ...]:
    """Name the settings that no cross-validated score shows: what a saved model answers."""
    return tuple(setting.name for setting in SETTINGS if setting.panel == _ANSWERS)


def given_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Keep the settings that were typed, for TextClassifier to default the others."""
    return {name: value for name, value in settings.items() if value not in (None, [])}


def _defaults(name: str) -> str:
    """Say what the recipes have: modern's value, and the others' where they differ."""
    values = {recipe: getattr(settings, name, None) for recipe, settings in RECIPES.items()}
    modern = values.pop("modern")
    if modern is None:
        return ""
    told = ["chosen" if modern == _CHOSEN.get(name) else _typed(modern)]
    differing: dict[Any, list[str]] = {}
    for recipe, value in values.items():
        if value != modern:
            differing.setdefault(value, []).append(recipe)
    told += [f"{', '.join(recipes)} {_typed(value)}" for value, recipes in differing.items()]
    return f" ({'; '.join(told)})"


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _annotation(setting: Setting) -> Any:
    option = typer.Option(
        setting.flags,
        help=setting.help + _defaults(setting.name),
        rich_help_panel=setting.panel,
        metavar=setting.metavar,
        show_default=False,
        min=0 if setting.name == "random_state" else None,
        max=LARGEST_SEED if setting.name == "random_state" else None,
    )
    return Annotated[setting.kind | None, option]
