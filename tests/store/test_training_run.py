"""A model is written whole, and nobody's files are lost."""

import pytest

from gatewise.base.errors import CheckpointError, ConfigError, DataError
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.training_data import TrainingData
from gatewise.store import training_run
from gatewise.store.archive import load
from gatewise.store.training_run import TrainingRun, prepare_run
from gatewise.text.corpus import corpus_from_lists
from gatewise.vectors.word_vectors import WordVectors


@pytest.fixture
def data(make_tickets):
    return TrainingData(corpus_from_lists(*make_tickets(30)))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "models" / "m"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_leaves_the_model_and_nothing_else(out, data, small):
    run = prepare_run(out)
    classifier = run.train(TextClassifier(**small), data)
    assert [path.name for path in out.parent.iterdir()] == ["m"]
    texts = data.corpus.texts[:5]
    assert load(out).predict(texts).tolist() == classifier.predict(texts).tolist()


def test_everything_that_was_read_is_learnt_from(out, data, small, make_tickets):
    held_out = corpus_from_lists(*make_tickets(33, seed=2))
    vectors = WordVectors(["card", "xyzzy"], [[1.0] * 8, [2.0] * 8])
    read = TrainingData(data.corpus, held_out, ["further plugh texts"], vectors)
    model = prepare_run(out).train(TextClassifier(**small), read).model_
    assert model.facts["held_out"]["n_records"] == 33
    assert "plugh" in model.vocabulary
    assert 0.0 < model.facts["coverage"]["words"] < 0.1


def test_a_model_that_is_there_is_kept_until_the_new_one_stands(out, data, small, monkeypatch):
    prepare_run(out).train(TextClassifier(**small), data)
    before = files(out)

    def fail(classifier, folder):
        assert files(out) == before
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(training_run, "save", fail)
        with pytest.raises(OSError, match="disk full"):
            prepare_run(out).train(TextClassifier(**small, random_state=1), data)
    assert files(out) == before
    run = prepare_run(out, resume=True)
    run.train(TextClassifier(**small, random_state=1), data)
    assert files(out) != before
    assert not run.checkpoint.exists()


def test_a_checkpoint_must_be_dealt_with(out, data, small):
    run = interrupted(out, data, small)
    with pytest.raises(CheckpointError, match=r"--resume to go on with it, or --restart to delete"):
        prepare_run(out)
    with pytest.raises(CheckpointError, match="give one of them"):
        prepare_run(out, resume=True, restart=True)
    assert any(run.checkpoint.iterdir())


def test_a_restart_takes_other_settings(out, data, small):
    run = interrupted(out, data, small)
    with pytest.raises(CheckpointError, match="other data, settings"):
        prepare_run(out, resume=True).train(TextClassifier(**small, dropout=0.1), data)
    prepare_run(out, restart=True).train(TextClassifier(**small, dropout=0.1), data)
    assert not run.checkpoint.exists()


def test_a_restart_that_comes_to_nothing_deletes_nothing(out, data, small):
    run = interrupted(out, data, small)
    prepare_run(out, restart=True)
    assert any(run.checkpoint.iterdir())


def interrupted(out, data, small):
    """A run that got as far as its first epoch."""

    class Stop:
        def start(self, stage, total, unit):
            if stage == "companion":
                raise KeyboardInterrupt

        def advance(self, n_units, note=""):
            pass

        message = advance

    run = prepare_run(out)
    with pytest.raises(KeyboardInterrupt):
        run.train(TextClassifier(**small), data, Stop())
    return run


def test_only_one_run_at_a_time_writes_a_model(out, data, small):
    class Second:
        """Tries to begin another run at every stage of the first."""

        tried = 0

        def start(self, stage, total, unit):
            with pytest.raises(ConfigError, match=r"a run is going on that writes .*wait until"):
                prepare_run(out, resume=True)
            with pytest.raises(ConfigError, match=r"a run is going on"):
                late.train(TextClassifier(**small), data)
            self.tried += 1

        def advance(self, n_units, note=""):
            pass

        message = advance

    late, second = prepare_run(out), Second()
    prepare_run(out).train(TextClassifier(**small), data, second)
    assert second.tried > 1
    assert [path.name for path in out.parent.iterdir()] == ["m"]
    prepare_run(out)  # and the next is let in


def test_an_empty_checkpoint_folder_is_no_checkpoint(out):
    out.with_name("m.checkpoint").mkdir(parents=True)
    assert prepare_run(out) == TrainingRun(out, out.with_name("m.checkpoint"))


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"restart": True}])
def test_a_folder_that_is_no_checkpoint_is_left_alone(out, options):
    folder = out.with_name("m.checkpoint")
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="holds something else"):
        prepare_run(out, **options)
    assert (folder / "thesis.txt").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "model with more"])
def test_what_is_no_model_is_not_replaced(out, kind):
    out.parent.mkdir()
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
        if kind == "model with more":
            (out / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="something else than a model"):
        prepare_run(out)


def test_an_empty_folder_may_be_filled(out):
    out.mkdir(parents=True)
    prepare_run(out)


def test_a_link_is_followed(tmp_path, data, small):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    prepare_run(tmp_path / "link").train(TextClassifier(**small), data)
    assert (tmp_path / "link").is_symlink()
    load(tmp_path / "real")


@pytest.mark.parametrize("name", ["/", "file/m", "file/deep/m", "n" * 300])
def test_places_that_cannot_be_written_are_refused_before_training(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written|a folder of its own"):
        prepare_run(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ConfigError, match="cannot be written"):
        prepare_run(tmp_path / "a")


def test_a_full_disk_is_seen_before_training(out, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        prepare_run(out)
    assert list(out.parent.iterdir()) == []


def test_what_a_killed_save_left_is_cleared_away(out):
    out.parent.mkdir()
    ours = out.with_name(".m.0123456789ab.tmp")
    others = [out.with_name(".n.0123456789ab.tmp"), out.with_name(".m.tmp"), out.with_name("m2")]
    for folder in (ours, *others):
        folder.mkdir()
    prepare_run(out)
    assert sorted(out.parent.iterdir()) == sorted(others)


def test_half_a_cache_that_a_kill_left_is_cleared_away(out):
    half, whole = (
        out.with_name("m.cache") / ".t-12.0123456789ab.tmp",
        out.with_name("m.cache") / "t",
    )
    half.mkdir(parents=True)
    whole.mkdir()
    prepare_run(out, resume=True)
    assert list(half.parent.iterdir()) == [whole]


def test_errors_of_the_fit_pass_through_and_leave_nothing(out, small):
    data = TrainingData(corpus_from_lists(["...", "--"], ["a", "b"]))
    with pytest.raises(DataError, match="none of the 2 texts"):
        prepare_run(out).train(TextClassifier(**small), data)
    assert list(out.parent.iterdir()) == []


def test_a_setting_that_is_refused_late_leaves_nothing(out, data, small):
    with pytest.raises(ConfigError, match="learning_rate"):
        prepare_run(out).train(TextClassifier(**small, learning_rate=99.0), data)
    assert list(out.parent.iterdir()) == []


def test_a_mistake_does_not_cost_an_older_checkpoint(out, data, small):
    run = interrupted(out, data, small)
    with pytest.raises(ConfigError, match="device"):
        prepare_run(out, resume=True).train(TextClassifier(**small, device="tpu"), data)
    assert any(run.checkpoint.iterdir())
