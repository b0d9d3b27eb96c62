"""Imports point only up the lists below, modules stay small, and some names are not used."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gatewise.base.errors

# Lowest first: a folder may import from those before it, and only cli from data.
FOLDERS = ["base", "text", "vectors", "network", "classify", "store"]
FOLDERS += ["evaluate", "explain", "selection", "report", "serve", "data", "cli"]
# The same inside a folder. A module that is not listed may stand anywhere, but in no circle.
MODULES = {
    "base": ["errors", "progress", "seeding", "files", "optional", "versions", "config", "ahead"],
    "text": [
        "encodings",
        "lines",
        "rows",
        "records",
        "tables",
        "row_blocks",
        "columns",
        "accounts",
        "folders",
        "corpus",
        "tokens",
        "token_table",
        "stored_columns",
        "corpus_writer",
        "stored_corpus",
        "vocabulary",
        "batches",
    ],
    "vectors": ["vector_layout", "vector_files", "word_vectors", "ngram_vectors", "word2vec"],
    "network": [
        "gates",
        "config",
        "plain",
        "draws",
        "side_by_side",
        "lstm",
        "pooling",
        "recipes",
        "model",
        "exchange",
        "optimiser",
        "checkpoint",
        "precision",
        "scoring",
        "early_stopping",
        "training",
    ],
    "classify": [
        "texts",
        "ngram_terms",
        "ngram_lookup",
        "ngrams",
        "companion",
        "blend",
        "calibration",
        "decision",
        "nearest",
        "scope",
        "held_out",
        "reading",
        "answers",
        "answer_blocks",
        "answer_files",
        "token_vectors",
        "predictor",
        "records",
        "plan",
        "starting_vectors",
        "model",
        "scoping",
        "plain_model",
        "request",
        "companion_records",
        "row_choice",
        "repeated",
        "fingerprint",
        "fitting",
        "inputs",
        "classifier",
    ],
    "store": [
        "onnx_format",
        "onnx_model",
        "onnx_runtime",
        "onnx_session",
        "onnx_proof",
        "contents",
        "archive",
        "predictor_archive",
        "process_predictor",
        "batch_predictor",
        "keras_model",
        "from_keras",
    ],
    "evaluate": ["metrics", "paired", "trust", "audit"],
    "explain": ["credits", "variants", "record", "replay", "charts", "page"],
    "selection": [
        "ledger",
        "folds",
        "clusters",
        "engines",
        "shards",
        "scored_parts",
        "scoring_run",
        "sizes",
        "methods",
        "comparison",
    ],
    "report": [
        "drawing",
        "facts",
        "charts",
        "run_page",
        "redaction",
        "shown",
        "measured",
        "confusion",
        "quality",
        "words",
        "examples",
        "replayed",
        "origin",
        "verdict",
        "model_facts",
        "model_charts",
        "pictures",
        "model_page",
    ],
    "serve": [
        "settings",
        "refusals",
        "limits",
        "metrics",
        "models",
        "batching",
        "answering",
        "spool",
        "body_stream",
        "files",
        "service",
        "inference",
        "guards",
        "complaints",
        "json_route",
        "pages",
        "corrections",
        "page",
        "reloading",
        "protocol",
        "app",
        "server",
    ],
}
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60  # without the docstring
# An estimator lists every parameter twice: scikit-learn reads the signature and the attributes.
ONLY_STORES = {"gatewise.classify.classifier": "__init__"}
FORBIDDEN = {"eval", "exec", "pickle", "requests", "socket", "torch.load", "urllib"}

ROOT = Path(gatewise.base.errors.__file__).parents[1]
SOURCES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path.read_text("utf-8")
    for path in sorted(ROOT.rglob("*.py"))
}
TREES = {name: ast.parse(source) for name, source in SOURCES.items()}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each imported name and its line; ``from a import b`` may mean ``a.b``, so both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def upward_imports(name: str, tree: ast.AST) -> list[str]:
    """Say which imports of a module point the wrong way."""
    _, folder, module, *_ = [*name.split("."), ""]
    complaints = []
    for target, line in imports(tree):
        top, other_folder, other, *_ = [*target.split("."), "", ""]
        if target.startswith("."):
            complaints.append(f"{name}:{line}: {target} is relative")
        elif top != "gatewise" or folder not in FOLDERS or not other_folder:
            continue
        elif other_folder not in FOLDERS:
            if folder != "cli" and not other_folder.startswith("__"):
                complaints.append(f"{name}:{line}: {target} comes from the top of the package")
        elif is_upward((folder, module), (other_folder, other)):
            complaints.append(f"{name}:{line}: {target} lies further down")
    return complaints


def is_upward(here: tuple[str, str], there: tuple[str, str]) -> bool:
    if here[0] != there[0]:
        return FOLDERS.index(there[0]) > FOLDERS.index(here[0])
    order = MODULES.get(here[0], [])
    if here[1] not in order or there[1] not in order:
        return False
    return order.index(there[1]) >= order.index(here[1])


def local_imports(name: str, tree: ast.AST) -> list[str]:
    """Say which functions import: the command line may, and lazy loading in __init__."""
    if name.startswith("gatewise.cli.") or name.endswith(".__init__"):
        return []
    functions = [node for node in ast.walk(tree) if isinstance(node, (*FUNCTIONS, ast.Lambda))]
    return [
        f"{name}:{line}: {target} is imported inside a function"
        for function in functions
        for target, line in imports(function)
    ]


def forbidden_names(name: str, tree: ast.AST) -> list[str]:
    """Say where code from files is run, or the network is used."""
    used = list(imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            used.append((ast.unparse(node), node.lineno))
    return [
        f"{name}:{line}: {target} is not used here"
        for target, line in used
        if target in FORBIDDEN or target.split(".")[0] in FORBIDDEN
    ]


def arrows(trees: dict[str, ast.Module]) -> graphlib.TopologicalSorter[str]:
    return graphlib.TopologicalSorter(
        {name: {target for target, _ in imports(tree)} for name, tree in trees.items()}
    )


def long_parts(name: str, source: str, tree: ast.AST) -> list[str]:
    """Say which parts are too long to read."""
    n_lines = source.count("\n")
    complaints = [f"{name}: {n_lines} lines"] if n_lines > MAX_MODULE_LINES else []
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            n_lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                n_lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if n_lines > MAX_FUNCTION_LINES and ONLY_STORES.get(name) != node.name:
                complaints.append(f"{name}:{node.lineno}: {node.name} has {n_lines} lines")
    return complaints


@pytest.mark.parametrize("name", TREES)
def test_a_module_keeps_the_rules(name):
    tree = TREES[name]
    assert upward_imports(name, tree) == []
    assert local_imports(name, tree) == []
    assert forbidden_names(name, tree) == []
    assert long_parts(name, SOURCES[name], tree) == []


def test_no_imports_go_in_a_circle():
    arrows(TREES).prepare()


def test_every_folder_is_listed():
    folders = {path.name for path in ROOT.iterdir() if any(path.glob("*.py"))}
    assert folders <= set(FOLDERS)


# That the rules themselves can fail


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gatewise.text.tokens", "from gatewise.vectors.word_vectors import WordVectors"),
        ("gatewise.text.tokens", "from gatewise.text import batches"),
        ("gatewise.text.tokens", "import gatewise.text.tokens"),
        ("gatewise.network.gates", "if True:\n    import gatewise.network.lstm as lstm"),
        ("gatewise.serve.app", "from gatewise import data"),
        ("gatewise.store.archive", "from gatewise import TextClassifier"),
        ("gatewise.base.files", "from . import errors"),
        ("gatewise.base.files", "from ..text.tokens import Token"),
    ],
)
def test_an_upward_import_is_seen(name, line):
    assert upward_imports(name, ast.parse(line)) != []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gatewise.vectors.word_vectors", "from gatewise.text.tokens import Token"),
        ("gatewise.text.batches", "from gatewise.text import vocabulary"),
        ("gatewise.text.unlisted", "from gatewise.text.batches import Batch"),
        ("gatewise.cli.main", "from gatewise import TextClassifier, data"),
        ("gatewise.store.archive", "from gatewise import __version__"),
        ("gatewise.__init__", "from gatewise.cli.main import run"),
        ("gatewise.base.files", "import json"),
    ],
)
def test_a_downward_import_is_let_through(name, line):
    assert upward_imports(name, ast.parse(line)) == []


def test_an_import_inside_a_function_is_seen_where_it_matters():
    tree = ast.parse("class A:\n    async def f(self):\n        import json")
    assert len(local_imports("gatewise.text.tokens", tree)) == 1
    assert local_imports("gatewise.cli.main", tree) == []
    assert local_imports("gatewise.__init__", tree) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import urllib.request as u",
        "torch.load('x')",
        "from torch import load",
        "eval('1')",
        "run = exec",
        "import socket",
        "import requests",
    ],
)
def test_a_forbidden_name_is_seen(line):
    assert forbidden_names("gatewise.text.tokens", ast.parse(line)) != []


@pytest.mark.parametrize("line", ["model.eval()", "import torch", "'pickle'", "self.requests = 1"])
def test_like_names_are_let_through(line):
    assert forbidden_names("gatewise.text.tokens", ast.parse(line)) == []


def test_a_circle_is_seen():
    lines = {"a.b": "from a import c", "a.c": "import a.d", "a.d": "from a.b import x"}
    with pytest.raises(graphlib.CycleError):
        arrows({name: ast.parse(line) for name, line in lines.items()}).prepare()


def test_long_parts_are_seen():
    source = "def f():\n" + "    x = 1\n" * 59
    assert long_parts("a", source, ast.parse(source)) == []
    source += "    x = 1\n"
    assert long_parts("a", source, ast.parse(source)) == ["a:1: f has 61 lines"]
    source = source.replace("():\n", '():\n    """One.\n\n    Two."""\n')
    assert long_parts("a", source, ast.parse(source)) == ["a:1: f has 61 lines"]
    source = "x = 1\n" * 401
    assert long_parts("a", source, ast.parse(source)) == ["a: 401 lines"]
