"""``gatewise train`` with its texts and tokens in files."""

import shutil

import pytest

from gatewise.classify import training_data
from gatewise.store.archive import load

COLUMNS = "--text msg --label queue"


@pytest.fixture
def train(gatewise, labelled, small, tmp_path):
    """Train into a folder of this name; what else is to be typed stands in ``options``."""

    def run(options="", name="model"):
        command = f"train {COLUMNS} {small} {options}"
        return gatewise(command, labelled / "train.csv", "--out", tmp_path / name)

    return run


def test_a_cache_gives_the_same_bytes_and_is_used_again(training, train, tmp_path):
    cache = tmp_path / "cache"
    first = train(f"--cache {cache}")
    assert first.exit_code == 0, first.stderr
    (folder,) = cache.iterdir()
    assert f"note: texts and tokens are kept in {folder}, not in memory" in first.stderr
    for path in training[1].iterdir():
        assert (tmp_path / "model" / path.name).read_bytes() == path.read_bytes(), path.name
    again = train(f"--cache {cache}", "again")
    assert f"are used again from {folder}" in again.stderr
    name = "weights.safetensors"
    found, expected = ((tmp_path / model / name).read_bytes() for model in ("again", "model"))
    assert found == expected


def test_a_large_file_is_kept_beside_the_model_while_it_is_trained(
    train, tmp_path, monkeypatch, training
):
    saved = []
    save = training_data.store_corpus

    def stored(*arguments, **options):
        saved.append(arguments[1])
        return save(*arguments, **options)

    monkeypatch.setattr(training_data, "store_corpus", stored)
    monkeypatch.setattr(training_data, "LARGE_FILE", 1_000)
    result = train()
    assert result.exit_code == 0, result.stderr
    assert saved == [tmp_path / "model.cache"]
    assert not (tmp_path / "model.cache").exists()
    assert "reading: 160 records" in result.stderr
    assert load(tmp_path / "model").model_.facts == load(training[1]).model_.facts


def test_somebody_elses_folder_stays(train, tmp_path):
    (tmp_path / "model.cache").mkdir()
    (tmp_path / "model.cache" / "mine").write_text("x")
    assert train().exit_code == 0
    assert (tmp_path / "model.cache" / "mine").read_text() == "x"
    shutil.rmtree(tmp_path / "model.cache")


def test_a_cache_that_cannot_be_written_is_one_sentence(fails, labelled, small, tmp_path):
    (tmp_path / "cache").write_text("x")
    said = fails(
        f"train {COLUMNS} {small} --cache {tmp_path / 'cache'}",
        labelled / "train.csv",
        "--out",
        tmp_path / "model",
    )
    assert "cannot be kept in" in said
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("cache", ["model", "model/cache"])
def test_a_cache_in_the_models_folder_is_refused_at_once(fails, labelled, small, tmp_path, cache):
    said = fails(
        f"train {COLUMNS} {small} --cache {tmp_path / cache}",
        labelled / "train.csv",
        "--out",
        tmp_path / "model",
    )
    assert said.endswith("lies in the folder of --out; give it one of its own")
    assert not list(tmp_path.glob("model*"))


def test_a_cache_of_what_is_no_file_is_refused(fails, small, tmp_path):
    said = fails(f"train {small} --cache {tmp_path / 'cache'}", tmp_path, "--out", tmp_path / "m")
    assert "--cache keeps what was read from a file, and" in said


def test_several_threads_are_said(train):
    result = train("--word2vec-workers 2")
    assert result.exit_code == 0, result.stderr
    assert "word2vec ran in 2 threads" in result.stderr
