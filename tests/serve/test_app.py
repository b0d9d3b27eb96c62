"""The routes: what is asked and what comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import gatewise
from gatewise.base.errors import ConfigError
from gatewise.base.files import sha256_file
from gatewise.serve.models import named_folders
from gatewise.serve.service import json_body
from gatewise.store.archive import load
from gatewise.store.predictor_archive import load_predictor

TEXTS = ["my card is stuck", "what is my balance", "!!", "", "sende money abroad 我的"]


@pytest.fixture(scope="module")
def classifier(tickets):
    return load(tickets)


def predicted(client, texts, **more):
    answer = client.post("/v1/predict", json={"texts": texts, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_predict_says_what_the_model_says(client, classifier, tickets):
    found = predicted(client, TEXTS)
    reading = load_predictor(tickets).read(TEXTS)
    probabilities = np.exp(reading.parts.blend)
    for row, one in enumerate(found):
        if one["reason"]:
            continue
        label = classifier.classes_[probabilities[row].argmax()]
        assert one["label"] == label
        assert one["probability"] == pytest.approx(probabilities[row].max(), abs=1e-6)
        assert one["in_scope"] == pytest.approx(reading.in_scope[row], abs=1e-6)
        assert one["decision"] == (label if reading.answers[row] else "abstain")
    assert [one["reason"] for one in found] == [None, None, None, "no text", None]
    assert found[3]["decision"] == "abstain"
    assert found[3]["label"] is None


def test_predict_names_more_labels_and_records(client, classifier):
    (one,) = predicted(client, ["my card is stuck"], top=3, nearest=2)
    assert sorted(ranked["label"] for ranked in one["top"]) == sorted(classifier.classes_)
    shares = [ranked["probability"] for ranked in one["top"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0)
    wanted = gatewise.nearest_records(classifier, ["my card is stuck"], k=2)[0]
    assert [record["row"] for record in one["nearest"]] == [record.row for record in wanted]


def test_replay(client, classifier):
    answer = client.post("/v1/replay", json={"text": "my card is stuck"})
    assert answer.status_code == 200
    found = answer.json()
    assert [token["surface"] for token in found["tokens"]] == ["my", "card", "is", "stuck"]
    assert found["label"] == classifier.predict(["my card is stuck"])[0]


def test_models(client, tickets):
    found = client.get("/v1/models").json()
    assert found["limits"]["texts"] == 256
    (one,) = found["models"]
    assert one == client.get("/v1/model").json() == client.get("/v1/models/tickets").json()
    assert one["labels"] == ["balance", "card", "transfer"]
    assert one["checksum"] == sha256_file(tickets / "manifest.json")
    assert one["versions"]["gatewise"] == gatewise.__version__
    assert one["n_nearest"] == 160
    assert "held_out" in one["facts"]
    assert not one["has_report"]


def test_several_models(serve, models, refused):
    folders = {"a": models / "first", "b": models / "second"}
    with serve(folders) as client:
        assert [one["name"] for one in client.get("/v1/models").json()["models"]] == ["a", "b"]
        assert "'a' or 'b'" in refused(client.post("/v1/predict", json={"texts": ["x"]}), 422)
        assert refused(client.get("/v1/model"), 422).endswith("say which: ?name='a' or 'b'")
        answer = client.post("/v1/file", content=b"text\nx\n")
        assert refused(answer, 422).endswith("say which: ?model='a' or 'b'")
        assert "more than once" in refused(client.get("/v1/model?name=a&name=b"), 422)
        assert "it takes none" in refused(client.get("/v1/models?name=a"), 422)
        for name, folder in folders.items():
            (found,) = predicted(client, ["my card is stuck"], model=name)
            probability = load_predictor(folder).predict_proba(["my card is stuck"]).max()
            assert found["probability"] == pytest.approx(probability, abs=1e-9)
            assert client.get(f"/v1/model?name={name}").json()["name"] == name


def test_a_report(serve, loader, tickets, tmp_path, refused):
    folder = tmp_path / "tickets"
    shutil.copytree(tickets, folder)
    with serve({"tickets": folder}) as client:
        assert "gatewise report" in refused(client.get("/v1/models/tickets/report"), 404)
        (folder / "report.html").write_text("<p>found</p>", encoding="utf-8")
        answer = client.get("/v1/models/tickets/report")
        assert answer.text == "<p>found</p>"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts; ")
        assert client.get("/v1/model").json()["has_report"]


@pytest.mark.parametrize("path", ["/v1", "/v1/models/", "/v1/models/other", "/docs", "/redoc"])
def test_an_address_where_nothing_is(client, refused, path):
    refused(client.get(path), 404)


def test_a_report_that_lies_elsewhere(serve, tickets, tmp_path, refused):
    folder = tmp_path / "tickets"
    shutil.copytree(tickets, folder)
    (tmp_path / "secret").write_text("secret")
    (folder / "report.html").symlink_to(tmp_path / "secret")
    with serve({"tickets": folder}) as client:
        assert "a link" in refused(client.get("/v1/models/tickets/report"), 404)
        assert not client.get("/v1/model").json()["has_report"]


@pytest.mark.parametrize("wanted", ["bytes=abc", "bytes=999999-", "bytes=0-1", "bytes=0-0,5-1"])
def test_parts_of_files_are_not_given(serve, tickets, tmp_path, wanted):
    folder = tmp_path / "tickets"
    shutil.copytree(tickets, folder)
    (folder / "report.html").write_text("<p>found</p>", encoding="utf-8")
    with serve({"tickets": folder}) as client:
        for path in ("/v1/models/tickets/report", "/static/en.json"):
            answer = client.get(path, headers={"Range": wanted})
            assert answer.status_code == 200
            assert answer.headers["accept-ranges"] == "none"
            assert answer.content == client.get(path).content


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/predict", "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/models/tickets", "GET, HEAD"),
        ("POST", "/v2/health/live", "GET, HEAD"),
        ("PUT", "/static/en.json", "GET, HEAD"),
    ],
)
def test_another_method(client, refused, method, path, allowed):
    answer = client.request(method, path)
    assert f"{method} is not answered here; use {allowed}" in refused(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    ["/v2/health/live", "/v2/health/ready", "/v1/models", "/openapi.json", "/static/en.json"],
)
def test_head_is_get_without_a_body(client, path):
    answer, wanted = client.head(path), client.get(path)
    assert answer.status_code == wanted.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-length"] == str(len(wanted.content))
    assert client.head("/nothing").status_code == 404
    assert client.head("/v1/predict").status_code == 405


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_body_for_an_address_where_nothing_is(client, refused, kind):
    answer = client.post("/v1/nothing", content=b"{}", headers={"Content-Type": kind})
    assert "nothing at this address" in refused(answer, 404)


def test_a_form_is_no_file(client, refused):
    answer = client.post("/v1/file", files={"file": b"text\nmy card\n"})
    assert "send the file alone" in refused(answer, 415)


def test_metrics_count(serve):
    with serve() as client:
        client.post("/v1/file", content=b"text\nmy card\n")
        predicted(client, ["my card", "what is my balance"])
        client.post("/v1/predict", json={})
        client.get("/secret")
        found = client.get("/metrics")
        assert found.headers["content-type"].startswith("text/plain; version=")
        lines = found.text.splitlines()
        assert 'gatewise_requests_total{route="/v1/predict",status="200"} 1.0' in lines
        assert 'gatewise_requests_total{route="/v1/predict",status="422"} 1.0' in lines
        assert 'gatewise_requests_total{route="none",status="404"} 1.0' in lines
        assert 'gatewise_request_seconds_count{route="/v1/predict"} 2.0' in lines
        assert 'gatewise_texts_total{model="tickets"} 3.0' in lines
        assert "gatewise_requests_in_flight 1.0" in lines
        assert any(line.startswith("gatewise_model_load_seconds") for line in lines)
        assert any(line.startswith("gatewise_model_info") for line in lines)


def test_abstentions_are_counted(serve):
    with serve() as client:
        found = predicted(client, ["zzz qqq xxx", "my card is stuck", "vvv www", " "])
        n_abstained = sum(one["decision"] == "abstain" for one in found)
        assert n_abstained > 1
        rows = client.post("/v1/file", content="text,n\nmy card is stuck,1\n,2\n").text
        n_abstained += rows.count(",abstain,")
        assert 'gatewise_texts_total{model="tickets"} 6.0' in client.get("/metrics").text
        wanted = f'gatewise_abstentions_total{{model="tickets"}} {float(n_abstained)}'
        assert wanted in client.get("/metrics").text


def test_labels_that_utf8_has_no_bytes_for():
    assert json.loads(json_body({"a": "\ud800"})) == {"a": "\ud800"}
    assert json_body({"a": "我"}) == '{"a": "我"}'.encode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a/x", "b/x"], "two models are named 'x'"),
        (["=a"], "give FOLDER or NAME=FOLDER"),
        (["a="], "give FOLDER or NAME=FOLDER"),
        (["a b=c"], "letters, digits"),
        (["ä"], "letters, digits"),
    ],
)
def test_names_of_models_that_will_not_do(arguments, words):
    with pytest.raises(ConfigError, match=words):
        named_folders(arguments)


def test_names_of_models(tmp_path):
    found = named_folders(["a/one", "two=b/c=d"])
    assert found == {"one": Path("a/one"), "two": Path("b/c=d")}
