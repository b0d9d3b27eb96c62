"""``gatewise train``: from a file to a model, and every way in which it cannot be done."""

import errno
import json

import pytest

from gatewise.cli import train as train_module
from gatewise.network import shares
from gatewise.network.shares import InShares
from gatewise.network.training import train_network
from gatewise.selection import ray_training
from gatewise.store import training_run
from gatewise.store.archive import load


@pytest.fixture
def data(tmp_path):
    """Write a csv file of this content."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


GOOD = "msg,queue\n" + "my card is stuck,card\nmy money is gone,money\n" * 3


@pytest.fixture
def out(tmp_path):
    return tmp_path / "model"


def test_what_is_printed(training):
    result, out = training
    n_held_out = load(out).model_.facts["held_out"]["n_records"]
    told = " ".join(result.stdout.split())
    for words in [
        f"held out {n_held_out} records",
        "LSTM alone",
        "n-grams alone",
        "blend",
        "epochs 2 of 2",
        "computed on cpu, ",
        "texts read up to",
        "words with vectors 100.0%, 100.0% of all occurrences",
        f"model written to {out}",
        f"next, type: gatewise evaluate {out} FILE",
    ]:
        assert words in told
    assert not out.with_name("model.checkpoint").exists()


def test_what_is_said_on_the_way(training):
    told = training[0].stderr
    assert "train.csv: 160 records under 3 labels, text from 'msg', label from 'queue'" in told
    assert "training: " in told
    assert "word vectors: 2 passes in " in told


def test_the_accuracies_printed_are_those_of_the_model(training):
    facts = load(training[1]).model_.facts["held_out"]
    told = " ".join(training[0].stdout.split())
    assert f"LSTM alone {facts['lstm']:.1%}" in told
    assert f"n-grams alone {facts['ngrams']:.1%}" in told
    assert f"blend {facts['blend']:.1%}" in told


def test_the_same_command_gives_the_same_bytes(training, gatewise, labelled, small, tmp_path):
    gatewise(
        f"train --text msg --label queue {small}", labelled / "train.csv", "--out", tmp_path / "m"
    )
    for path in training[1].iterdir():
        assert (tmp_path / "m" / path.name).read_bytes() == path.read_bytes(), path.name
    other = f"train --text msg --label queue --seed 1 {small}"
    gatewise(other, labelled / "train.csv", "--out", tmp_path / "n")
    name = "weights.safetensors"
    assert (tmp_path / "n" / name).read_bytes() != (training[1] / name).read_bytes()


def test_further_files_are_read(gatewise, labelled, small, data, out):
    vectors = data("card 1 2 3\nmoney 3 2 1\nplugh 1 1 1\n", "v.txt")
    unlabelled = data("plugh\nmore words\n", "u.txt")
    other = data("xyzzy\n", "w.txt")
    options = small.replace("--word-dimension 8", "")
    result = gatewise(
        f"train --text msg --label queue {options} --vectors {vectors} --unlabelled {unlabelled} "
        f"--unlabelled {other} --validation {labelled / 'test.csv'}",
        labelled / "train.csv",
        "--out",
        out,
    )
    assert result.exit_code == 0, result.stderr
    classifier = load(out)
    assert classifier.recipe_.word_dimension == 3
    assert "plugh" in classifier.model_.vocabulary
    assert "xyzzy" in classifier.model_.vocabulary
    assert classifier.model_.facts["held_out"]["n_records"] == 40
    assert "3 of " in result.stderr
    assert "validation: " in result.stderr


def test_what_is_said_at_the_end_can_be_typed(gatewise, data, small, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    options = f"train {small} --report --out"
    result = gatewise(options, "~/m", data(GOOD))
    assert f"gatewise evaluate {tmp_path}/home/m FILE" in result.stdout
    assert (tmp_path / "home" / "m" / "report.html").is_file()
    assert "gatewise evaluate ./-m FILE" in gatewise(options, "-m", data(GOOD)).stdout


def test_a_folder_of_texts_and_too_few_to_hold_out(gatewise, tmp_path, small, out):
    for label in ("card", "money"):
        (tmp_path / "texts" / label).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "texts" / label / f"{number}.txt").write_text(f"my {label} {number}")
    result = gatewise(f"train {small}", tmp_path / "texts", "--out", out)
    assert result.exit_code == 0
    assert "too few records" in result.stderr
    assert "nothing, so nothing was measured" in result.stdout


def test_labels_of_one_record_are_said(gatewise, data, small, out):
    path = data(GOOD + "hello there,lonely\n")
    result = gatewise(f"train {small}", path, "--out", out)
    assert result.exit_code == 0
    assert "labels with a single record" in result.stderr
    assert "lonely" in load(out).model_.labels


def test_problems_of_the_data_are_said_with_their_lines(gatewise, data, small, out):
    path = data(GOOD.encode() + b'n\x00l,card\n,card\nx,\n"bro"ken,card\n')
    result = gatewise(f"train --text msg --label queue {small}", path, "--out", out)
    assert result.exit_code == 0
    for line in [
        "refused 1: a NUL character, line 8",
        "refused 1: no text, line 9",
        "refused 1: no label, line 10",
        "refused 1: text after a closing quote, line 11",
        "duplicates: 4 records",
    ]:
        assert line in result.stderr


# What cannot be done


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"msg,queue\n", "has a header and no records"),
        (b"msg,queue\nx,a\ny,a\n", "every record has the label 'a'"),
        (b"msg,queue\n\x00,a\n\x00,b\n", "a NUL character"),
        (b'msg,queue\nx,a\n"y,b\n', "data.csv:3: the quote that opens here is never closed"),
        (b"other,queue,z\nx,a,1\n", "has no column 'msg'"),
        (b"PK\x03\x04zip", "a zip or xlsx file"),
        (b"msg,queue\n...,a\n--,b\n", "none of the 2 texts has a word or number in it"),
    ],
)
def test_data_that_cannot_be_used(fails, data, out, content, words):
    told = fails("train --text msg --label queue", data(content), "--out", out)
    assert words in told
    assert not out.exists()


def test_a_file_that_is_not_there(fails, tmp_path, out):
    assert "there is no file" in fails("train", tmp_path / "none.csv", "--out", out)
    told = fails(f"train --vectors {tmp_path}/none.txt {tmp_path}/none.csv --out {out}")
    assert "none.csv" in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--units 0", "units is 0; allowed is 1 to"),
        ("--recipe x", "recipe is 'x'; it must be one of 'modern', 'classic', 'minimal'"),
        ("--embedding x", "embedding is 'x'"),
        ("--epochs -1", "epochs is -1"),
        ("--dropout 2", "dropout is 2.0"),
        ("--pooling x", "pooling is 'x'"),
        ("--seed -1", "invalid value for '--seed'"),
        ("--language '?'", "language is"),
        ("--device tpu", "device is 'tpu'"),
        ("--precision float64", "precision is 'float64'"),
        ("--validation-fraction 1", "validation_fraction is 1.0"),
        ("--class-weight card", "class_weight is 'card'"),
        ("--class-weight zebra=1", "zebra"),
        ("--class-weight card=1_0", "class_weight is 'card=1_0'"),
        (
            "--class-weight card=1e300",
            "the weight of 'card' is more than 1e+09 times that of 'money'",
        ),
    ],
)
def test_values_that_are_not_allowed(fails, data, out, options, words):
    assert words in fails(f"train {options}", data(GOOD), "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("options", ["--units x", "--no-such-option", "--out"])
def test_typing_mistakes(gatewise, data, options):
    assert gatewise(f"train {options}", data(GOOD)).exit_code == 2


def test_where_nothing_can_be_written_is_said_before_the_data_are_read(fails, data, tmp_path):
    (tmp_path / "file").write_text("")
    told = fails(f"train {tmp_path}/none.csv --out {tmp_path}/file/model")
    assert "cannot be written" in told


def test_a_folder_that_is_no_model_is_not_replaced(fails, data, out):
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    told = fails("train", data(GOOD), "--out", out)
    assert "something else than a model" in told
    assert (out / "thesis.txt").exists()


def test_a_disk_that_fills_up_while_saving(fails, data, out, small, monkeypatch):
    def full(classifier, folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / ".weights.tmp"))

    monkeypatch.setattr(training_run, "save", full)
    assert "No space left on device" in fails(f"train {small}", data(GOOD), "--out", out)
    assert out.with_name("model.checkpoint").exists()


def test_an_interrupt_names_the_way_on(gatewise, data, out, small, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_run.TrainingRun, "train", interrupt)
    result = gatewise(f"train {small}", data(GOOD), "--out", out)
    assert result.exit_code == 130
    checkpoint = out.with_name("model.checkpoint")
    assert f"the same command with --resume goes on from {checkpoint}\n" in result.stderr
    assert result.stderr.endswith("gatewise: stopped\n")


# Checkpoints; tests/faults kills the process itself


@pytest.fixture
def stopped(gatewise, data, out, small, monkeypatch):
    """A run that failed while saving, so that its checkpoint is left; returns its data."""
    path = data(GOOD)
    with monkeypatch.context() as patched:
        patched.setattr(training_run, "save", lambda *_: (_ for _ in ()).throw(OSError("full")))
        assert gatewise(f"train {small}", path, "--out", out).exit_code == 2
    return path


def test_a_checkpoint_wants_a_decision(fails, stopped, out, small):
    told = fails(f"train {small}", stopped, "--out", out)
    assert told.endswith("add --resume to go on with it, or --restart to delete it")
    assert "give one of them" in fails(f"train --resume --restart {small}", stopped, "--out", out)


@pytest.mark.parametrize("option", ["--resume", "--restart"])
def test_both_decisions_end_with_the_model(gatewise, stopped, out, small, option, tmp_path):
    assert gatewise(f"train {option} {small}", stopped, "--out", out).exit_code == 0
    assert not out.with_name("model.checkpoint").exists()
    assert gatewise(f"train {small}", stopped, "--out", tmp_path / "other").exit_code == 0
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name


def test_other_settings_cannot_go_on(fails, stopped, out, small):
    told = fails(f"train --resume --dropout 0.1 {small}", stopped, "--out", out)
    assert "other data, settings" in told


def test_resume_without_a_checkpoint_begins(gatewise, data, out, small):
    assert gatewise(f"train --resume {small}", data(GOOD), "--out", out).exit_code == 0
    assert json.loads((out / "manifest.json").read_text())["format"]


def test_facts_of_random_vectors(training):
    model = load(training[1]).model_
    del model.facts["coverage"]
    assert "words with vectors" not in dict(train_module.training_facts(model))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--workers 2 --gpu", "are of a cluster; add --engine ray, or leave them away"),
        ("--workers 0", "workers is 0; allowed is 1 to 10000"),
        ("--address a:1", "are of a cluster; add --engine ray, or leave them away"),
        ("--threads 2", "are of a cluster; add --engine ray, or leave them away"),
        ("--gpu", "are of a cluster; add --engine ray, or leave them away"),
        ("--engine ray --workers 2", "needs the address of a cluster and how many workers"),
        ("--engine ray --address a:1", "needs the address of a cluster and how many workers"),
        ("--engine dask", "engine is 'dask'; it must be one of 'local', 'ray'"),
    ],
)
def test_where_to_train_has_to_be_said_whole(fails, data, out, options, told):
    assert told in fails(f"train {options}", data(GOOD), "--out", out)
    assert not out.with_name("model.checkpoint").exists()


def test_one_process_does_the_work_of_several(
    gatewise, labelled, small, training, tmp_path, monkeypatch
):
    """The shares are computed in turn: the model is the same up to rounding."""
    sizes = []
    monkeypatch.setattr(shares, "InShares", lambda size: sizes.append(size) or InShares(size))
    out = tmp_path / "m"
    command = f"train --text msg --label queue {small} --workers 3"
    gatewise(command, labelled / "train.csv", "--out", out)
    assert sizes == [3, 3]  # for the epochs, and for the last ones on all records
    weights, alone = (load(path).model_.network.state_dict() for path in (out, training[1]))
    differences = [float((weights[name] - alone[name]).abs().max()) for name in alone]
    assert 0 < max(differences) < 0.02


def test_a_cluster_trains_the_network(gatewise, labelled, small, training, tmp_path, monkeypatch):
    """What is asked of the cluster, and that its training is the one that is used."""
    asked = []

    class FakeTraining:
        def __init__(self, address, workers, *, threads, gpu):
            asked.append((address, workers, threads, gpu))

        def __call__(self, *arguments, **settings):
            asked.append(settings.get("stage", "training"))
            return train_network(*arguments, **settings)

        def close(self):
            asked.append("closed")

    monkeypatch.setattr(ray_training, "RayTraining", FakeTraining)
    where = "--engine ray --address 10.0.0.1:6379 --workers 3 --threads 2"
    out = tmp_path / "m"
    command = f"train --text msg --label queue {small} {where}"
    gatewise(command, labelled / "train.csv", "--out", out)
    assert asked == [("10.0.0.1:6379", 3, 2, False), "training", "last epochs", "closed"]
    for path in training[1].iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name
