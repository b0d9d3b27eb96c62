import torch

from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.store.tensors import build_network, network_arrays


def test_a_network_comes_back_with_weights_of_its_own():
    config = NetworkConfig(7, 5, 3, units=2, word_dimension=5, frozen_words=True)
    network = TextNetwork(config, seed=1)
    tables, weights = network_arrays(network)
    assert set(tables) == {"words.weight", "ngrams.weight"}
    found = build_network(config, {**tables, **weights}, seed=2)
    assert not found.training
    assert not found.words.weight.requires_grad
    assert found.dense.weight.requires_grad
    for name, weight in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight)
        assert found.state_dict()[name].data_ptr() != weight.data_ptr()
        assert found.state_dict()[name].data_ptr() % 64 == 0
