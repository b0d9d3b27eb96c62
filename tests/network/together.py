"""Trainings for one process, or for several together; as a script, one of the others does them."""

import os
import sys
from dataclasses import replace

import numpy as np
import torch
from torch import distributed

from gatewise.base.errors import ClusterError
from gatewise.classify.records import EncodedRecords
from gatewise.network.config import NetworkConfig
from gatewise.network.exchange import ALONE, ProcessGroup
from gatewise.network.model import TextNetwork
from gatewise.network.training import TrainingConfig, train_network
from gatewise.text.vocabulary import EncodedTexts

N_WORDS, N_NGRAMS, N_CLASSES = 40, 30, 3
DRY = {"spatial_dropout": 0.0, "dropout": 0.0}

# Name -> changes of the network, of the training, number of records, whether they have weights.
# 61 records in batches of 15 leave a batch of one record: fewer than there are processes.
CASES = {
    "modern": ({"pooling": "max-mean", "projection": 5}, {}, 61, False),
    "classic": (
        {
            "activation": "relu",
            "bidirectional": False,
            "fixed_length": True,
            "frozen_words": True,
            "ngram_dimension": 0,
            "output": "sigmoid",
            "pooling": "flatten",
        },
        {"warmup": 0.0, "gradient_clip": 0.0, "label_smoothing": 0.0},
        31,
        False,
    ),
    "minimal": (
        {
            "bidirectional": False,
            "ngram_dimension": 0,
            "pooling": "last",
            "recurrent_dropout": 0.2,
        },
        {"warmup": 0.0, "word_rate": 1.0},
        61,
        False,
    ),
    "weights": (
        {"layers": 2, "pool_vectors": True, "recurrent_dropout": 0.3, **DRY},
        {},
        46,
        True,
    ),
    "adversarial": ({"projection": 5}, {"adversarial": 0.2}, 61, True),
    "few": ({}, {"batch_size": 2}, 7, False),
}


def records_of(n_records, *, weighted=False, fixed_length=False, seed=0):
    """Make texts of random words, the first of which says the class."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 9, n_records)
    targets = generator.integers(0, N_CLASSES, n_records)
    tokens = generator.integers(N_CLASSES, N_WORDS, lengths.sum())
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens[offsets[:-1]] = targets
    encoded = EncodedTexts(
        word_ids=np.arange(N_WORDS) + 2,
        ngram_ids=generator.integers(0, N_NGRAMS, 3 * N_WORDS),
        ngram_offsets=np.arange(0, 3 * N_WORDS + 1, 3),
        tokens=tokens,
        offsets=offsets,
    )
    weights = generator.uniform(0.2, 2.0, n_records).astype(np.float32) if weighted else None
    return EncodedRecords(encoded, np.arange(n_records), targets, weights, 6, fixed_length)


def network_of(**changes):
    settings = {
        "n_words": N_WORDS + 2,
        "n_ngrams": N_NGRAMS,
        "n_classes": N_CLASSES,
        "word_dimension": 6,
        "ngram_dimension": 4,
        "projection": 0,
        "units": 5,
        "max_length": 6,
        "spatial_dropout": 0.2,
        "dropout": 0.3,
    }
    return TextNetwork(NetworkConfig(**settings | changes), seed=7).double()


def train(name, exchange=ALONE, **more):
    """Do one of the trainings; return the weights and what each epoch brought."""
    changes, settings, n_records, weighted = CASES[name]
    network = network_of(**changes)
    fixed = changes.get("fixed_length", False)
    history = train_network(
        network,
        records_of(n_records, weighted=weighted, fixed_length=fixed),
        TrainingConfig(**{"epochs": 4, "batch_size": 15, "learning_rate": 0.02} | settings),
        seed=3,
        validation=records_of(300, fixed_length=fixed, seed=1),
        exchange=exchange,
        **more,
    )
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    return weights, [replace(epoch, seconds=0.0) for epoch in history]


def gradients(rank):
    """Make gradients that differ from process to process: dense, sparse, of unequal numbers."""
    generator = torch.Generator().manual_seed(rank)
    dense, table = (torch.nn.Parameter(torch.zeros(9, 4)) for _ in range(2))
    dense.grad = torch.rand(9, 4, generator=generator)
    rows = torch.tensor([[8, 1, 8, 3, 1][: 3 + rank]])
    values = torch.rand(rows.shape[1], 4, generator=generator)
    table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=True)
    return [dense, torch.nn.Parameter(torch.zeros(2)), table]


def everything(exchange):
    """Do all that the processes do together, in the same order in each of them."""
    found = {name: train(name, exchange) for name in CASES}
    weights = gradients(exchange.rank)
    exchange.n_bytes = dict.fromkeys(exchange.n_bytes, 0)
    exchange.add_gradients(weights)
    found["gradients"], found["bytes"] = weights, dict(exchange.n_bytes)
    network = network_of()
    exchange.check_equal(network)
    with torch.no_grad():
        network.dense.bias[0] += 1e-12 * exchange.rank
    try:
        exchange.check_equal(network)
    except ClusterError as error:
        found["complaint"] = str(error)
    return found


def join(folder, rank, size):
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting{size}", rank=rank, world_size=size
    )
    return ProcessGroup()


if __name__ == "__main__":
    torch.set_num_threads(1)
    everything(join(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    # Not a word of goodbye: gloo may abort where one process closes while another does.
    os._exit(0)
