"""``gatewise serve``: what is refused before it listens; tests/serve has the rest."""

from __future__ import annotations

import gc
import socket
import types

import pytest

from gatewise.cli import garbage


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--host 0.0.0.0", "--token-file"),
        ("--host example.org", "--token-file"),
        ("--port 70000", "port is 70000"),
        ("--max-texts 0", "max_texts is 0"),
        ("--timeout -1", "timeout is -1"),
        ("--threads 0", "threads is 0"),
        ("--token-file missing", "missing cannot be read"),
    ],
)
def test_options_that_will_not_do(fails, model, options, words):
    assert words in fails(f"serve {options}", model)


def test_a_token_that_could_be_guessed(fails, model, tmp_path):
    (tmp_path / "token").write_text("1234")
    assert "openssl rand" in fails("serve --token-file", tmp_path / "token", model)


def test_garbage_is_looked_for_as_ever_while_it_serves(gatewise, model, monkeypatch):
    found = []
    server = types.SimpleNamespace(run=lambda: found.append(gc.get_threshold()))
    monkeypatch.setattr("gatewise.serve.server.make_server", lambda *_: server)
    before = gc.get_threshold()
    gc.set_threshold(99_999)
    assert gatewise("serve", model).exit_code == 0
    assert found == [garbage._AS_EVER]
    gc.set_threshold(*before)


def test_what_is_no_model(fails, tmp_path):
    assert "is not there; give the folder of a saved model" in fails("serve", tmp_path / "missing")
    assert "is not a saved model" in fails("serve", tmp_path)
    (tmp_path / "file").write_text("text,label")
    assert "is not a saved model" in fails("serve", tmp_path / "file")


def test_two_models_of_one_name(fails, model):
    assert "NAME=" in fails("serve", model, model)


def test_a_port_that_is_taken(fails, model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}; another program" in fails(f"serve --port {port}", model)


def test_a_missing_package(fails, model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert "pip install 'gatewise[serve]'" in fails("serve", model)
