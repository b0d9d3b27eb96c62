"""A user's Keras model, replayed."""

import numpy as np
import pytest

from gatewise.base.errors import ConfigError
from gatewise.explain.replay import replay
from gatewise.store.from_keras import from_keras
from gatewise.store.keras_model import open_keras

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WORDS = ["my", "card", "is", "lost", "what", "the", "balance"]
LABELS = ["balance", "card", "transfer"]
TEXT = "my card is lost what is the balance my card"


@pytest.fixture(scope="module")
def keras():
    return open_keras()


def build(keras, *layers, length=None, mask_zero=False, rows=9, **options):
    network = keras.Sequential(
        [
            keras.layers.Input((length,)),
            keras.layers.Embedding(rows, 6, mask_zero=mask_zero),
            keras.layers.SpatialDropout1D(0.3),
            *layers,
        ]
    )
    generator = np.random.default_rng(1)
    network.set_weights([generator.normal(0, 0.5, w.shape) for w in network.get_weights()])
    return network


def lstm(keras, *, bidirectional=False, **options):
    layer = keras.layers.LSTM(4, **options)
    return keras.layers.Bidirectional(layer) if bidirectional else layer


def shapes_of(keras):
    """Networks that people write, as functions, so that only the one asked for is built."""
    layers = keras.layers
    dense = layers.Dense(3, activation="softmax")
    return {
        "the question's": lambda: build(
            keras,
            lstm(keras, return_sequences=True, activation="relu"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(3, activation="sigmoid"),
            length=12,
        ),
        "the answer's": lambda: build(keras, lstm(keras), dense, length=12),
        "masked": lambda: build(keras, lstm(keras), dense, length=12, mask_zero=True),
        "of any length": lambda: build(keras, lstm(keras, bidirectional=True), dense),
        "max": lambda: build(
            keras,
            lstm(keras, bidirectional=True, return_sequences=True),
            layers.GlobalMaxPooling1D(),
            dense,
        ),
        "mean, masked, stacked": lambda: build(
            keras,
            lstm(keras, return_sequences=True),
            lstm(keras, return_sequences=True),
            layers.GlobalAveragePooling1D(),
            dense,
            mask_zero=True,
        ),
        "without biases": lambda: build(
            keras,
            lstm(keras, use_bias=False, bidirectional=True),
            layers.Dense(3, use_bias=False, activation="softmax"),
        ),
    }


NAMES = ["the question's", "the answer's", "masked", "of any length", "max"]
NAMES += ["mean, masked, stacked", "without biases"]


def test_all_networks_are_listed(keras):
    assert list(shapes_of(keras)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_replay_says_what_keras_says(keras, name):
    network = shapes_of(keras)[name]()
    model = from_keras(network, WORDS, LABELS)
    found = replay(model, TEXT)
    ids = [WORDS.index(word) + 1 for word in TEXT.split()]
    if model.network.config.fixed_length:
        ids = [0] * (12 - len(ids)) + ids
    expected = network.predict(np.array([ids]), verbose=0)[0]
    if name == "the question's":
        expected = expected / expected.sum()
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.labels == tuple(LABELS)
    assert len(found.layers) == name.count("stacked") + 1


def test_a_functional_model(keras):
    layers = keras.layers
    ids = layers.Input((5,))
    states = layers.LSTM(4)(layers.Embedding(9, 6)(ids))
    network = keras.Model(ids, layers.Dense(3, activation="softmax")(states))
    found = replay(from_keras(network, WORDS, LABELS), "my card")
    expected = network.predict(np.array([[0, 0, 0, 1, 2]]), verbose=0)[0]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


def test_words_that_are_not_known(keras):
    network = shapes_of(keras)["of any length"]()
    dropped = replay(from_keras(network, WORDS, LABELS), "my zebra card")
    assert [token.surface for token in dropped.tokens] == ["my", "card"]
    kept = replay(from_keras(network, WORDS, LABELS, unknown=8), "my zebra card")
    assert [token.kind for token in kept.tokens] == ["known", "unknown", "known"]
    expected = network.predict(np.array([[1, 8, 2]]), verbose=0)[0]
    np.testing.assert_allclose(kept.probabilities, expected, atol=1e-5)


def test_a_word_index_as_keras_makes_it(keras):
    """With the place of unknown words first, and more words than the embedding has rows."""
    network = shapes_of(keras)["of any length"]()
    word_index = {"<OOV>": 1, **{word: row for row, word in enumerate(WORDS, 2)}, "rare": 400}
    model = from_keras(network, word_index, LABELS, unknown=1)
    found = replay(model, "my rare card")
    expected = network.predict(np.array([[2, 1, 3]]), verbose=0)[0]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert "<OOV>" not in model.vocabulary


def refused(network, tokens=WORDS, labels=LABELS, **options):
    with pytest.raises(ConfigError) as error:
        from_keras(network, tokens, labels, **options)
    return str(error.value)


@pytest.mark.filterwarnings("ignore:Layer 'flatten:UserWarning")  # what Keras says of it
def test_models_that_cannot_be_shown(keras):
    layers = keras.layers

    def dense():
        return layers.Dense(3, activation="softmax")

    states = {"return_sequences": True}
    assert "layers Embedding, GRU, Dense" in refused(build(keras, layers.GRU(4), dense()))
    assert "Conv1D" in refused(build(keras, layers.Conv1D(4, 2), lstm(keras), dense()))
    two = build(keras, lstm(keras), layers.Dense(4, activation="relu"), dense())
    assert "Embedding, LSTM, Dense, Dense" in refused(two)
    assert "none" in refused(keras.Sequential([layers.Input((3,))]))
    mixed = [lstm(keras, bidirectional=True, **states), lstm(keras)]
    assert "layer 1 of the Keras model" in refused(build(keras, *mixed, dense()))
    other = build(keras, lstm(keras, recurrent_activation="hard_sigmoid"), dense())
    assert "recurrent_activation" in refused(other)
    summed = layers.Bidirectional(layers.LSTM(4), merge_mode="sum")
    assert "merged by 'concat'" in refused(build(keras, summed, dense()))
    flat = build(keras, lstm(keras, **states), layers.Flatten(), dense(), length=5, mask_zero=True)
    assert "mask_zero is lost" in refused(flat)
    assert "'relu'" in refused(build(keras, lstm(keras), layers.Dense(3, activation="relu")))
    assert "one output" in refused(
        build(keras, lstm(keras), layers.Dense(1, activation="sigmoid")), labels=["a"]
    )
    odd = build(keras, lstm(keras, activation="elu"), dense())
    assert "activation" in refused(odd)


def functional(keras, states_of, **options):
    """A model whose list of layers does not tell how they are put together."""
    ids = keras.layers.Input((5,))
    vectors = keras.layers.Embedding(9, 6, **options)(ids)
    dense = keras.layers.Dense(3, activation="softmax")
    network = keras.Model(ids, dense(states_of(vectors)))
    generator = np.random.default_rng(1)
    network.set_weights([generator.normal(0, 0.5, w.shape) for w in network.get_weights()])
    return network


def test_what_the_list_of_layers_does_not_show_is_refused(keras):
    once = keras.layers.LSTM(6, return_sequences=True)
    last = keras.layers.LSTM(6)
    for states_of in (
        lambda vectors: last(vectors * 2.0),
        lambda vectors: last(once(vectors) + vectors),
        lambda vectors: last(once(once(vectors))),
    ):
        assert "answers otherwise than its layers do" in refused(functional(keras, states_of))


def test_both_directions_have_to_be_alike(keras):
    layers = keras.layers
    backs = [
        layers.LSTM(4, go_backwards=True, activation="relu"),
        layers.LSTM(5, go_backwards=True),
    ]
    for back in backs:
        both = layers.Bidirectional(layers.LSTM(4), backward_layer=back)
        assert "one kind, size" in refused(functional(keras, both))
    gates = layers.Bidirectional(layers.GRU(4))
    assert "the layer Bidirectional(GRU)" in refused(functional(keras, gates))


def test_what_is_no_model_that_was_built(keras):
    assert "this is str 'm.keras'; open a file" in refused("m.keras")
    layers = keras.layers
    network = keras.Sequential([layers.Embedding(9, 6), layers.LSTM(4), layers.Dense(3, "softmax")])
    assert "does not know the shape of its input" in refused(network)


def test_tokens_and_labels_that_do_not_fit(keras):
    network = shapes_of(keras)["of any length"]()
    assert "one of the labels stands twice" in refused(network, labels=["a", "b", "a"])
    assert "the token 7 is given the row 1" in refused(network, tokens=[7])
    assert "the token 'a' is given the row '1'" in refused(network, tokens={"a": "1"})
    assert "3 outputs, and 2 labels" in refused(network, labels=["a", "b"])
    assert "embedding of 9 rows" in refused(network, tokens=[str(n) for n in range(9)])
    assert "each token once" in refused(network, tokens=["a", "a"])
    assert "unknown is row 9" in refused(network, unknown=9)
