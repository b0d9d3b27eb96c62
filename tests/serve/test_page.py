"""The page's own routes, and that what it says exists in every language."""

from __future__ import annotations

import csv
import graphlib
import io
import json
import re
from pathlib import Path

import pytest

from gatewise.serve import page as page_module
from gatewise.serve.corrections import REMOVE, CorrectionStore
from gatewise.serve.page import LANGUAGES, page_routes, preferred_language, strings_of

STATIC = Path(page_module.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
SOURCE = "\n".join(path.read_text("utf-8") for path in SCRIPTS)
TEMPLATE = (STATIC.parent / "templates" / "index.html").read_text("utf-8")
RECORDS = [
    {"text": "where is my card", "line": 2, "given": "balance", "suggested": "card"},
    {"text": 'a "quoted", text\nof two lines', "line": 5, "suggested": "card", "probability": 0.5},
]


@pytest.fixture(scope="module")
def client(serve, tmp_path_factory):
    store = CorrectionStore(tmp_path_factory.mktemp("state"))
    with serve(more=[page_routes(store)]) as one:
        yield one


@pytest.fixture
def review(client):
    answer = client.post("/v1/reviews", json={"source": "a.csv", "model": "m", "records": RECORDS})
    assert answer.status_code == 200, answer.text
    return answer.json()


# The page


def test_the_page_comes_in_the_language_of_the_browser(client):
    for wish, language, told in (
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh", "给文件打标签"),
        ("de,en;q=0.5", "en", "Label a file"),
        ("", "en", "Label a file"),
    ):
        answer = client.get("/", headers={"accept-language": wish})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"
        assert f'<html lang="{language}">' in answer.text
        assert told in answer.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("fr", "en"),
        ("zh-TW", "zh"),
        ("en;q=0.4, ZH;q=0.6", "zh"),
        ("zh;q=nonsense", "en"),
        ("fr, zh;q=0.2, en;q=0.1", "zh"),
    ],
)
def test_the_language_that_is_preferred(header, language):
    assert preferred_language(header) == language


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(client):
    text = client.get("/").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert re.findall(r"<script[^>]*>", text) == ['<script type="module" src="/static/main.js">']
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith(("/static/", "#"))
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200
    everything = SOURCE + (STATIC / "app.css").read_text("utf-8")
    others = set(re.findall(r"https?://[^\s\"'`]+", everything))
    assert others == {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in SOURCE
    assert "url(" not in everything


def test_every_module_that_is_imported_is_there():
    for path in SCRIPTS:
        for name in re.findall(r'from "\./([^"]+)"', path.read_text("utf-8")):
            assert (STATIC / name).is_file()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_modules_stay_small(path):
    assert path.read_text("utf-8").count("\n") <= 400


def test_modules_are_not_imported_in_a_circle():
    graph = {
        path.name: re.findall(r'from "\./([^"]+)"', path.read_text("utf-8")) for path in SCRIPTS
    }
    graphlib.TopologicalSorter(graph).prepare()


# What it says


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_say_the_same(language):
    strings, english = strings_of(language), strings_of("en")
    assert strings.keys() == english.keys()
    for key, text in strings.items():
        assert text.strip(), key
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), key
    assert json.loads((STATIC / f"{language}.json").read_text("utf-8")) == strings


def test_every_string_that_is_asked_for_is_there():
    strings = strings_of("en")
    asked = set(
        re.findall(r'"((?:page|nav|error|token|try|file|correct|model)\.[a-z_.]+)"', SOURCE)
    )
    asked |= set(re.findall(r'(?:say|label)\("([a-z_.]+)"\)', TEMPLATE))
    asked = {key for key in asked if not key.endswith(".js")}
    assert asked <= strings.keys()
    # Those that are put together of parts are not seen in the source.
    parts = (
        "nav.",
        "try.gate.",
        "try.gate_means.",
        "file.delimiter.",
        "correct.key.",
        "model.part.",
    )
    parts += ("try.forward", "try.backward", "page.noscript", "page.description")
    heads = {
        f"file.{name}" for name in ("line", "text", "given", "label", "chance", "scope", "answer")
    }
    heads |= {f"file.{name}" for name in ("answered", "abstain", "unusable_only", "disagree_only")}
    assert {key for key in strings.keys() - asked - heads if not key.startswith(parts)} == set()


# Reviews


def test_a_review_over_http(client, review):
    number = review["id"]
    assert review["n_records"] == review["n_lines"] == 2
    assert review in client.get("/v1/reviews").json()["reviews"]
    more = {"start": 2, "records": [{"text": "third"}]}
    for _ in range(2):
        assert client.post(f"/v1/reviews/{number}/records", json=more).json()["n_records"] == 3
    found = client.get(f"/v1/reviews/{number}/records", params={"start": 1, "count": 1}).json()
    assert found["records"] == [
        {
            "position": 1,
            "text": RECORDS[1]["text"],
            "line": 5,
            "given": None,
            "suggested": "card",
            "probability": 0.5,
            "in_scope": None,
            "why": None,
            "corrected": None,
        }
    ]
    for position, label in enumerate(["card", "balance", REMOVE]):
        answer = client.post(
            f"/v1/reviews/{number}/corrections", json={"position": position, "label": label}
        )
        assert answer.json()["n_decided"] == position + 1
    undone = {"position": 2, "label": None}
    answer = client.post(f"/v1/reviews/{number}/corrections", json=undone)
    assert answer.json()["n_decided"] == 2
    assert client.delete(f"/v1/reviews/{number}").status_code == 204
    assert client.get(f"/v1/reviews/{number}/records").status_code == 404


def test_exports(client, review):
    for position, label in enumerate(["card", REMOVE]):
        client.post(
            f"/v1/reviews/{review['id']}/corrections", json={"position": position, "label": label}
        )
    address = f"/v1/reviews/{review['id']}/export"
    answer = client.get(address)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f'attachment; filename="review-{review["id"]}-training.csv"'
    assert answer.headers["content-disposition"] == name
    assert answer.text == "text,label\r\nwhere is my card,card\r\n"
    rows = list(csv.DictReader(io.StringIO(client.get(address, params={"form": "audit"}).text)))
    assert [(row["line"], row["corrected"]) for row in rows] == [("2", "card"), ("5", REMOVE)]
    assert rows[1]["text"] == RECORDS[1]["text"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/reviews/99999/records", None, 404),
        ("GET", "/v1/reviews/99999/export", None, 404),
        ("DELETE", "/v1/reviews/99999", None, 404),
        ("POST", "/v1/reviews/99999/records", {"start": 0, "records": []}, 404),
        ("POST", "/v1/reviews/99999/corrections", {"position": 0, "label": "a"}, 404),
        ("GET", "/v1/reviews/first/records", None, 422),
        ("GET", "/v1/reviews/1/export?form=xlsx", None, 422),
        ("GET", "/v1/reviews/1/records?count=100000", None, 422),
        ("POST", "/v1/reviews", {"source": "", "model": "m"}, 422),
        ("POST", "/v1/reviews", {"source": "a", "model": "m", "more": 1}, 422),
        ("POST", "/v1/reviews", {"source": "a", "model": "m", "records": [{"line": 1}]}, 422),
        ("POST", "/v1/reviews/1/records", {"start": -1, "records": []}, 422),
        ("POST", "/v1/reviews/1/corrections", {"position": 0, "label": ""}, 422),
        ("POST", "/v1/reviews/1/corrections", {"position": 0, "label": " \t"}, 422),
        ("POST", "/v1/reviews/1/corrections", {"position": 0, "label": "a\0"}, 422),
        ("POST", "/v1/reviews", {"source": "a", "model": "m", "records": [{"text": "a\0"}]}, 422),
        ("GET", "/v1/reviews/1/export?fom=audit", None, 422),
        ("DELETE", "/v1/reviews/1?dry=1", None, 422),
        ("POST", "/v1/reviews/1/records?more=1", {"start": 0, "records": []}, 422),
    ],
)
def test_a_wrong_request_is_refused_in_one_sentence(client, refused, method, path, body, status):
    refused(client.request(method, path, json=body), status)


def test_of_a_key_that_stands_twice_neither_is_taken(client, review, refused):
    address = f"/v1/reviews/{review['id']}/corrections"
    body = b'{"position": 1, "label": "card", "label": "balance"}'
    answer = client.post(address, content=body, headers={"Content-Type": "application/json"})
    assert "the key 'label' stands twice" in refused(answer, 400)


def test_a_review_without_lines_has_no_export_for_the_audit(client, refused):
    new = {"source": "a", "model": "m", "records": [{"text": "b"}]}
    number = client.post("/v1/reviews", json=new).json()["id"]
    answer = client.get(f"/v1/reviews/{number}/export", params={"form": "audit"})
    assert "no line numbers" in refused(answer, 422)


def test_a_state_that_cannot_be_written_is_told(serve, refused, tmp_path):
    (tmp_path / "file").write_text("")
    with serve(more=[page_routes(CorrectionStore(tmp_path / "file"))]) as client:
        assert client.get("/").status_code == 200
        new = {"source": "a", "model": "m"}
        assert "cannot be kept" in refused(client.post("/v1/reviews", json=new), 503)
        assert "cannot be kept" in refused(client.get("/v1/reviews"), 503)


def test_a_state_that_may_not_be_entered_is_told(serve, refused, tmp_path, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    with serve(more=[page_routes(CorrectionStore(tmp_path))]) as client:
        monkeypatch.setattr(Path, "stat", refuse)
        answer = client.get("/v1/reviews")
        monkeypatch.undo()
        assert "cannot be kept" in refused(answer, 503)


def test_a_label_that_is_too_long_is_named(client, refused):
    records = [{"text": "a"}, {"text": "b", "given": "x" * 1001}]
    answer = client.post("/v1/reviews", json={"source": "a", "model": "m", "records": records})
    assert refused(answer, 422).startswith("records[1].given: string should have at most 1000")


def test_all_methods_of_an_address_are_named(client, refused):
    answer = client.put("/v1/reviews")
    assert "use GET, POST, HEAD" in refused(answer, 405)
    assert answer.headers["allow"] == "GET, POST, HEAD"


def test_with_a_token_the_page_is_open_and_reviews_are_not(serve, refused, tmp_path):
    store = CorrectionStore(tmp_path)
    with serve(more=[page_routes(store)], token="x" * 20) as client:
        assert client.get("/").status_code == 200
        assert client.get("/static/main.js").status_code == 200
        refused(client.get("/v1/reviews"), 401)
        headers = {"authorization": f"Bearer {'x' * 20}"}
        assert client.get("/v1/reviews", headers=headers).json() == {"reviews": []}
