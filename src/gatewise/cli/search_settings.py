"""Lists of values as options: every parameter of TextClassifier, typed once or several times."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer

from gatewise.base.errors import ConfigError
from gatewise.cli.settings import SETTINGS, Setting, about_answers

__all__ = ["searched_settings", "with_searched_settings"]

# What a run has of its own: one seed, one weighting of the classes; and what no score
# shows.
_SINGLE = ("random_state", "class_weight", "word2vec_workers", *about_answers())
_SEARCHED = [setting for setting in SETTINGS if setting.name not in _SINGLE]
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def with_searched_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add every setting as an option that takes a list: ``--units 64,128``."""
    signature = inspect.signature(command, eval_str=True)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = [
        inspect.Parameter(
            setting.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(setting),
        )
        for setting in _SEARCHED
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def searched_settings(typed: Mapping[str, str | None]) -> dict[str, list[Any] | tuple[Any, Any]]:
    """Read what was typed.

    Parameters
    ----------
    typed : mapping
        Setting -> values with commas between them, or two with a colon.

    Returns
    -------
    dict
        Setting -> list of values, or (low, high) for a range.

    Raises
    ------
    ConfigError
        If a value is not of the setting's kind.
    """
    kinds = {setting.name: setting for setting in _SEARCHED}
    return {name: _values(kinds[name], text) for name, text in typed.items() if text is not None}


def _values(setting: Setting, text: str) -> list[Any] | tuple[Any, Any]:
    low, colon, high = text.partition(":")
    if colon and setting.kind in (int, float):
        return _value(setting, low), _value(setting, high)
    return [_value(setting, one) for one in text.split(",")]


def _value(setting: Setting, text: str) -> Any:
    word = text.strip()
    if setting.kind is bool:
        if word.casefold() in (*_TRUE, *_FALSE):
            return word.casefold() in _TRUE
    elif word:
        try:
            return setting.kind(word)
        except ValueError:
            pass
    wanted = {bool: "true or false", int: "whole numbers", float: "numbers"}
    raise ConfigError(
        f"{setting.name} has the value {text!r}; it takes {wanted.get(setting.kind, 'words')}, "
        "with commas between them"
    )


def _annotation(setting: Setting) -> Any:
    shown = replace(setting, kind=str)
    option = typer.Option(
        shown.flags,
        help=setting.help,
        rich_help_panel=f"{setting.panel}, lists with commas",
        metavar=setting.metavar or "A,B,...",
        show_default=False,
    )
    return Annotated[str | None, option]
