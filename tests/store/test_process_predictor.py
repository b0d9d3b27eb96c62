"""A model is read once by a process, and what it says depends on nothing that was said before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gatewise.base.errors import ModelFileError
from gatewise.store import process_predictor as source
from gatewise.store.archive import save
from gatewise.store.process_predictor import manifest_digest, process_predictor


@pytest.fixture
def folder(fitted, tmp_path):
    save(fitted("held out"), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def readings(monkeypatch):
    """Which folders are read."""
    found, load = [], source.load_predictor
    monkeypatch.setattr(
        source,
        "load_predictor",
        lambda *given, **named: (found.append(given), load(*given, **named))[1],
    )
    source._read.cache_clear()
    yield found
    source._read.cache_clear()


def test_many_threads_read_it_once(folder, readings):
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: process_predictor(folder), range(8)))
    assert len(readings) == 1
    assert len({id(model.vocabulary) for model in models}) == 1


def test_another_model_in_the_folder_is_read(folder, fitted, readings, make_tickets):
    texts = make_tickets(20)[0]
    first = process_predictor(folder).predict_proba(texts)
    digest = manifest_digest(folder)
    shutil.rmtree(folder)
    save(fitted("modern"), folder)
    assert manifest_digest(folder) != digest
    assert not np.array_equal(process_predictor(folder).predict_proba(texts), first)
    assert len(readings) == 2
    process_predictor(folder, threads=2)
    assert len(readings) == 3


def test_it_remembers_no_text(folder, make_tickets):
    texts = make_tickets(40)[0]
    alone = process_predictor(folder).predict_proba(texts)
    process_predictor(folder).predict_proba([" ".join(texts[:3])])
    assert np.array_equal(process_predictor(folder).predict_proba(texts), alone)
    first, second = process_predictor(folder), process_predictor(folder)
    assert first is not second


def test_a_path_that_is_not_there(tmp_path):
    told = rf"^{tmp_path / 'model'} is not a saved model that can be read here \(No such file"
    with pytest.raises(ModelFileError, match=told):
        process_predictor(tmp_path / "model")


def test_it_needs_nothing_that_training_needs(folder):
    program = f"""
import sys
for name in ("torch", "sklearn", "scipy", "gensim"):
    sys.modules[name] = None
import gatewise
from gatewise.selection import scoring_run
print(gatewise.BatchPredictor({str(folder)!r})({{"text": ["my card is stuck"]}})["decision"][0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
