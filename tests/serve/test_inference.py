"""The Open Inference Protocol, version 2."""

from __future__ import annotations

import pytest

import gatewise
from gatewise.classify.classifier import TextClassifier
from gatewise.store.archive import save

TEXTS = ["my card is stuck", "what is my balance", "!!"]
PATH = "/v2/models/tickets"


def tensor(**changes):
    found = {"name": "text", "datatype": "BYTES", "shape": [len(TEXTS)], "data": TEXTS}
    return found | changes


def infer(client, tensor, **more):
    return client.post(f"{PATH}/infer", json={"inputs": [tensor], **more})


def test_the_server(client):
    found = client.get("/v2").json()
    assert found == {"name": "gatewise", "version": gatewise.__version__, "extensions": []}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_a_model(client):
    found = client.get(PATH).json()
    assert (found["name"], found["platform"]) == ("tickets", "gatewise")
    assert found["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    names = [output["name"] for output in found["outputs"]]
    assert names == ["label", "probability", "in_scope", "decision"]
    assert client.get(f"{PATH}/ready").json() == {"name": "tickets", "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/other", "/v2/models/other/ready"])
def test_another_model(client, refused, path):
    refused(client.get(path), 404)
    refused(client.post("/v2/models/other/infer", json={"inputs": [tensor()]}), 404)


@pytest.mark.parametrize("shape", [[3], [3, 1]])
@pytest.mark.parametrize("nested", [False, True])
def test_texts(client, shape, nested):
    data = [[text] for text in TEXTS] if nested else TEXTS
    answer = infer(client, tensor(shape=shape, data=data), id="42")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    checksum = client.get("/v1/model").json()["checksum"]
    assert (found["model_name"], found["id"]) == ("tickets", "42")
    assert checksum.startswith(found["model_version"])
    predictions = client.post("/v1/predict", json={"texts": TEXTS}).json()["predictions"]
    outputs = {output["name"]: output for output in found["outputs"]}
    for name, output in outputs.items():
        assert output["shape"] == [3]
        wanted = [one[name] for one in predictions]
        assert output["data"] == wanted
    datatypes = [output["datatype"] for output in outputs.values()]
    assert datatypes == ["BYTES", "FP64", "FP64", "BYTES"]


def test_some_outputs(client):
    found = infer(client, tensor(), outputs=[{"name": "decision"}]).json()
    assert [output["name"] for output in found["outputs"]] == ["decision"]
    assert "id" not in found


def test_a_text_with_nothing_to_read(client):
    outputs = infer(client, tensor(data=["", " ", "—"])).json()["outputs"]
    assert [output["data"][0] for output in outputs] == ["", 0.0, 0.0, "abstain"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "texts"}, "named 'text'"),
        ({"datatype": "FP32"}, "'BYTES'"),
        ({"shape": [2]}, "[N] or [N, 1]"),
        ({"shape": [3, 2]}, "[N] or [N, 1]"),
        ({"shape": [1, 3]}, "[N] or [N, 1]"),
        ({"shape": []}, "shape"),
        ({"shape": [0], "data": []}, "at least 1"),
        ({"data": [1, 2, 3]}, "data"),
        ({"data": ["a", "b", "c\0"]}, "NUL"),
    ],
)
def test_what_is_no_vector_of_texts(client, refused, changes, words):
    assert words in refused(infer(client, tensor(**changes)), 422)


@pytest.mark.parametrize("data", [["a", 3, 4], [["a"], [3], [4]], ["a", ["b"], ["c"]]])
def test_the_place_of_what_is_no_text(client, refused, data):
    sentence = refused(infer(client, tensor(data=data)), 422)
    assert sentence.startswith("inputs[0].data[1]: input should be a valid string;")


def test_many_outputs(client, refused):
    assert "outputs" in refused(infer(client, tensor(), outputs=[{"name": "label"}] * 17), 422)


def test_an_output_that_there_is_not(client, refused):
    assert "'logits'" in refused(infer(client, tensor(), outputs=[{"name": "logits"}]), 422)


def test_a_model_without_in_scope_scores_has_no_such_output(serve, tmp_path, make_tickets, refused):
    small = {"units": 4, "word_dimension": 8, "ngram_dimension": 0, "epochs": 1}
    classifier = TextClassifier(**small, validation_fraction=0.0).fit(*make_tickets(60, 0))
    save(classifier, tmp_path / "m")
    with serve({"tickets": tmp_path / "m"}) as client:
        outputs = client.get("/v2/models/tickets").json()["outputs"]
        assert [one["name"] for one in outputs] == ["label", "probability", "decision"]
        assert len(infer(client, tensor()).json()["outputs"]) == 3
        answer = infer(client, tensor(), outputs=[{"name": "in_scope"}])
        assert "there is no output 'in_scope'; there are label, probability" in refused(answer, 422)


def test_two_inputs(client, refused):
    refused(client.post(f"{PATH}/infer", json={"inputs": [tensor(), tensor()]}), 422)
