"""What a command does that has one network trained by a Ray cluster.

In a process of its own, as a command is: Ray may bring down a process that has been part of other
clusters before (ray-project/ray#31145), and with it all tests that it still had to do.
"""

import os
import signal
from pathlib import Path

from gatewise.network.checkpoint import Checkpoint
from gatewise.network.model import TextNetwork
from gatewise.selection.ray_training import open_ray_training


class Told:
    """Progress that does something once, in the midst."""

    def __init__(self, act=None):
        self.started, self.n_units, self.begun_with, self.messages = [], 0, [], []
        self.act = act

    def start(self, stage, total, unit):
        self.started.append((stage, total, unit))
        self.n_units = 0

    def advance(self, n_units, note=""):
        if not self.n_units:
            self.begun_with.append(n_units)
        self.n_units += n_units
        if self.act and note.startswith("epoch") and "epoch 1/" not in note:
            act, self.act = self.act, None
            act()

    def message(self, text):
        self.messages.append(text)


def fit(train, material, config, **more):
    """Train a network; return its weights, and what the epochs reached."""
    records, held_out, network_config = material
    network = TextNetwork(network_config, seed=5)
    history = train(network, records, config, seed=1, validation=held_out, **more)
    return network.arrays(), history


def fit_on_ray(address, sessions, material, config, folder):
    """Have two workers train it, and kill one of them meanwhile; return also what was told."""
    told = Told(lambda: kill_a_worker(sessions))
    checkpoint = Checkpoint(folder, "this run")
    with open_ray_training(address, 2) as training:
        found = fit(training, material, config, progress=told, checkpoint=checkpoint)
    told.act = None  # it could not be sent back
    return found, told


def kill_a_worker(sessions):
    """Kill one of the processes that train, whichever comes first."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if b"RayTrainWorker" in command and os.getsid(int(folder.name)) in sessions:
                os.kill(int(folder.name), signal.SIGKILL)
                return
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise AssertionError("no worker was found")
