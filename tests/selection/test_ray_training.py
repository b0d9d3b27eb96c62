"""How a training is handed to Ray Train, with a stand-in for it; tests/cluster has the real one."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import CheckpointError, ClusterError, ConfigError
from gatewise.classify.records import EncodedRecords
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.config import NetworkConfig
from gatewise.network.exchange import ALONE
from gatewise.network.model import TextNetwork
from gatewise.network.training import TrainingConfig, train_network
from gatewise.selection import ray_training, training_worker
from gatewise.selection.ray_training import RayTraining, open_ray_training
from gatewise.text.vocabulary import EncodedTexts

CONFIG = TrainingConfig(epochs=3, batch_size=6, patience=0)


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause):
        super().__init__(f"a long traceback of {cause}")
        self.cause = cause


class Actor:
    """Calls the methods at once, and gives what they return when it is asked for."""

    def __init__(self, kind):
        self.kind = kind

    def options(self, **options):
        self.told = options
        return self

    def remote(self, *arguments):
        self.inside = self.kind(*arguments)
        return self

    def __getattr__(self, name):
        method = getattr(self.inside, name)

        def call(*arguments):
            try:
                value = method(*arguments)
            except Exception as error:
                failure = RayTaskError(error)
                return lambda: (_ for _ in ()).throw(failure)
            return lambda: value

        return SimpleNamespace(remote=call)


class FakeRay:
    """One node, on which all is done at once."""

    def __init__(self):
        self.trained, self.killed, self.is_shut = [], [], False
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
        self.fit = lambda work, given: work(given)

    def nodes(self):
        return [
            {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
            {"Alive": True, "Resources": {"CPU": 1.0}},
            {"Alive": False, "Resources": {"CPU": 64.0}},
        ]

    def get_runtime_context(self):
        return SimpleNamespace(get_node_id=lambda: "this one")

    def remote(self, kind):
        return Actor(kind)

    def put(self, value):
        return lambda: value

    def get(self, reference):
        return reference()

    def kill(self, actor):
        self.killed.append(actor)

    def shutdown(self):
        self.is_shut = True

    def trainer(self, work, *, train_loop_config, **settings):
        self.trained.append(settings)
        return SimpleNamespace(fit=lambda: self.fit(work, train_loop_config))


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    kinds = SimpleNamespace(
        ray=fake,
        train=SimpleNamespace(ScalingConfig=dict, RunConfig=dict, FailureConfig=dict),
        torch=SimpleNamespace(TorchTrainer=fake.trainer, TorchConfig=dict),
    )
    monkeypatch.setattr(
        ray_training, "require", lambda name, **_: getattr(kinds, name.rpartition(".")[2])
    )
    monkeypatch.setattr(ray_training, "join_ray", lambda address: (fake, True))
    monkeypatch.setattr(ray_training, "_LOOK_EVERY", 0.001)
    alone = SimpleNamespace(rank=0, **{n: getattr(ALONE, n) for n in dir(ALONE) if n[0] != "_"})
    monkeypatch.setattr(ray_training, "ProcessGroup", lambda device: alone)
    for name in ("RAY_TRAIN_METRICS_ENABLED", "RAY_CHDIR_TO_TRIAL_DIR"):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    return fake


@pytest.fixture
def records():
    tokens = np.random.default_rng(0).integers(0, 9, 60)
    offsets = np.arange(0, 61, 3)
    encoded = EncodedTexts(np.arange(9) + 2, np.arange(9) % 4, np.arange(10), tokens, offsets)
    return EncodedRecords(encoded, np.arange(20), np.arange(20) % 3, None, 3, False)


@pytest.fixture
def fit(records):
    """Train a new network by a function; the weights and what each epoch brought."""

    def call(train, **more):
        sizes = {"n_words": 11, "n_ngrams": 4, "n_classes": 3, "max_length": 3, "projection": 0}
        sizes |= {"word_dimension": 4, "ngram_dimension": 2, "units": 3}
        network = TextNetwork(NetworkConfig(**sizes), seed=1)
        history = train(network, records, CONFIG, seed=2, **more)
        return network.arrays(), [epoch.loss for epoch in history]

    return call


class Told:
    def __init__(self):
        self.events = []

    def start(self, *arguments):
        self.events.append(("start", *arguments))

    def advance(self, *arguments):
        self.events.append(("advance", *arguments))

    def message(self, text):
        self.events.append(("message", text))


def test_the_network_is_trained_in_place(ray, fit):
    told = Told()
    with open_ray_training("a:1", 2, threads=2) as training:
        weights, losses = fit(training, progress=told)
        assert not ray.is_shut
    expected, expected_losses = fit(train_network)
    assert losses == expected_losses
    for name, value in expected.items():
        np.testing.assert_array_equal(weights[name], value)
    assert told.events[:3] == [
        ("start", "workers", 2, "workers"),
        ("advance", 2),
        ("start", "training", 60, "records"),
    ]
    assert (len(ray.killed), ray.is_shut) == (1, True)


def test_what_ray_train_is_asked_for(ray, fit):
    fit(RayTraining("a:1", 2, threads=2))
    (asked,) = ray.trained
    resources = {"CPU": 2}
    scaling = {"num_workers": 2, "use_gpu": False, "resources_per_worker": resources}
    assert asked["scaling_config"] == scaling
    assert asked["run_config"]["failure_config"] == {"max_failures": -1}
    assert ray.killed[0].told == {"num_cpus": 0, "label_selector": {"ray.io/node-id": "this one"}}
    assert os.environ["RAY_TRAIN_METRICS_ENABLED"] == "0"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"workers": 6}, "^workers is 6; the nodes .+ at 'a:1' have room for 5 with 1 proc"),
        ({"workers": 3, "threads": 2}, "have room for 2 with 2 processors each; ask for fewer"),
        ({"workers": 2, "gpu": True}, "have room for 1 with 1 processors each and a GPU; ask"),
        ({"workers": 0}, "^workers is 0"),
        ({"workers": 1, "threads": 0}, "^threads is 0"),
    ],
)
def test_what_cannot_be_is_refused(ray, asked, told):
    with pytest.raises(ConfigError, match=told):
        RayTraining("a:1", **asked)


def test_a_gpu_is_asked_for(ray):
    given = RayTraining("a:1", 1, gpu=True)._trainer({}, "folder")
    given.fit  # noqa: B018  (it can be made)
    assert ray.trained[0]["scaling_config"]["resources_per_worker"] == {"CPU": 1, "GPU": 1}


def test_a_foreign_checkpoint_is_refused_before_anything_starts(ray, fit, tmp_path):
    training = RayTraining("a:1", 2)
    fit(training, checkpoint=Checkpoint(tmp_path, "one"))
    with pytest.raises(CheckpointError, match="belongs to a run with other data"):
        fit(training, checkpoint=Checkpoint(tmp_path, "another"))
    assert len(ray.trained) == 1


def test_a_fault_is_told_with_the_way_on(ray, fit, monkeypatch):
    monkeypatch.setattr(training_worker, "check_versions", lambda *_: _raise(ConfigError("no")))
    with pytest.raises(ClusterError, match=r"^no; the same command with --resume goes on from"):
        fit(RayTraining("a:1", 2))


def test_what_ray_train_says_is_told(ray, fit):
    ray.fit = lambda work, given: _raise(RuntimeError("out of\nluck"))
    with pytest.raises(ClusterError, match=r"^Ray Train has given up \(out of luck\); the same"):
        fit(RayTraining("a:1", 2))


def test_a_cluster_that_is_gone_is_told(ray, fit):
    training = RayTraining("a:1", 2)
    ray.get = lambda reference: _raise(RayError("the head died"))
    with pytest.raises(ClusterError, match=r"^the Ray cluster is gone \(the head died\); the"):
        fit(training)


def test_errors_of_the_keeper_are_those_it_raised(ray, fit, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    kept = Checkpoint(tmp_path, "this run")
    monkeypatch.setattr(Checkpoint, "write", full)
    told = r"^the checkpoint cannot be written to .+ \(No space left on device\); make room"
    with pytest.raises(ClusterError, match=told):
        fit(RayTraining("a:1", 2), checkpoint=kept)


def test_ctrl_c_tells_the_workers(ray, fit):
    class Impatient(Told):
        def advance(self, *arguments):
            raise KeyboardInterrupt

    keepers = []
    remote = ray.remote
    ray.remote = lambda kind: keepers.append(remote(kind)) or keepers[0]
    with pytest.raises(KeyboardInterrupt):
        fit(RayTraining("a:1", 2), progress=Impatient())
    assert keepers[0].inside.news()[1] == "the command was stopped"


def _raise(error):
    raise error
