"""The bundled tickets can be read, wherever the package lies."""

import pytest

from gatewise.base.errors import ConfigError
from gatewise.data import LANGUAGES, load_tickets, load_unlabelled_tickets


@pytest.mark.parametrize(("language", "n_queues"), [("en", 33), ("zh", 12)])
def test_both_parts_have_all_queues_and_no_text_in_common(language, n_queues):
    train, test = load_tickets("train", language), load_tickets("test", language)
    assert set(train.labels) == set(test.labels)
    assert len(set(train.labels)) == n_queues
    assert len(train.texts) > 3 * len(test.texts)
    assert not set(train.texts) & set(test.texts)
    assert train.refused == test.refused == []


def test_the_chinese_set_is_chinese():
    texts = load_tickets("train", "zh").texts
    assert sum(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in texts) > 300


def test_unlabelled_tickets():
    texts = load_unlabelled_tickets("en")
    assert len(texts) > 1000
    assert not set(texts) & set(load_tickets("test").texts)
    assert load_unlabelled_tickets("zh") == []
    assert set(LANGUAGES) == {"en", "zh"}


def test_what_is_not_there():
    with pytest.raises(ConfigError, match="language is 'fr'"):
        load_tickets("train", "fr")
    with pytest.raises(ConfigError, match="split is 'all'"):
        load_tickets("all")
    with pytest.raises(ConfigError, match="language is 'fr'"):
        load_unlabelled_tickets("fr")
