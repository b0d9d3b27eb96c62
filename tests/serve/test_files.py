"""Tables sent to /v1/file: streamed in, answered row by row, streamed out."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import socket
import time

import pytest

from gatewise.classify.answer_files import write_answers
from gatewise.store.predictor_archive import load_predictor
from gatewise.text.text_lines import open_texts

ROWS = [
    {"id": "1", "text": "my card is stuck", "decision": "taken"},
    {"id": "2", "text": "", "decision": ""},
    {"id": "3", "text": "what is\nmy balance", "decision": "ä"},
    {"id": "4", "text": "!?", "decision": ""},
    {"id": "5", "text": "——", "decision": ""},
]


def table(kind):
    stream = io.StringIO()
    if kind == "jsonl":
        stream.writelines(json.dumps(row) + "\n" for row in ROWS)
        return stream.getvalue()
    writer = csv.DictWriter(stream, ROWS[0], delimiter="," if kind == "csv" else "\t")
    writer.writeheader()
    writer.writerows(ROWS)
    return stream.getvalue()


class Output:
    def __init__(self):
        self.buffer = io.BytesIO()


@pytest.mark.parametrize("source", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_the_rows_are_those_of_predict(client, tickets, tmp_path, source, kind):
    path = tmp_path / f"rows.{source}"
    path.write_text(table(source), encoding="utf-8")
    output = Output()
    options = {"text_column": "text", "out": None, "standard_output": output}
    model = load_predictor(tickets)
    write_answers(model, open_texts(path), kind=kind, top=2, nearest=1, **options)
    query = {"text": "text", "format": kind, "top": 2, "nearest": 1}
    answer = client.post("/v1/file", params=query, content=path.read_bytes())
    assert answer.status_code == 200
    assert answer.text == output.buffer.getvalue().decode("utf-8")


def test_the_format_is_that_of_the_body(client):
    answer = client.post("/v1/file", content=table("jsonl"))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert json.loads(answer.text.splitlines()[0])["input_decision"] == "taken"
    answer = client.post("/v1/file", content=table("tsv"))
    assert answer.headers["content-type"].startswith("text/csv")


def test_broken_rows_are_answered_with_the_reason(client):
    body = 'text,id\nmy card 我的卡丢了,1\n"my" card,2\n'.encode()
    body += b"\xff,3\nmy balance,4\nsend\0,5\n" + b"x" * 20_001
    answer = client.post("/v1/file", content=body)
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [bool(row["predicted"]) for row in rows] == [True, False, False, True, False, False]
    reasons = [row["reason"].partition(": ")[2].partition(":")[0] for row in rows]
    assert reasons[1:3] == ["text after a closing quote", "bytes that are not utf-8"]
    assert reasons[4:] == ["a NUL character", "a text of more than 20,000 characters"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_line_ends(client, end):
    body = end.join([b"text,wide", *([b"my card," + b"x" * 10_000] * 250), b""])
    answer = client.post("/v1/file", content=body)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["decision"] for row in rows] == ["card"] * 250


def test_what_breaks_late_is_told_in_the_last_row(client):
    answer = client.post("/v1/file", content=b'text\nmy card\n"never closed\nmore')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["decision"] for row in rows] == ["card", "abstain"]
    assert "never closed" in rows[1]["reason"]


@pytest.mark.parametrize(
    ("body", "query", "words"),
    [
        (b"", {}, "the body is empty"),
        (b"text\n", {}, "a header and no records"),
        (b"a,b,c\n1,2,3\n", {}, "do not tell where the texts are"),
        (b"a,b\n1,2\n", {"text": "c"}, "no column 'c'"),
        (b"text\nmy card\n", {"top": 4}, "top is 4"),
        (b"text\nmy card\n", {"top": 0}, "top"),
        (b"text\nmy card\n", {"nearest": 10_000}, "nearest is 10000"),
        (b"text\nmy card\n", {"format": "xlsx"}, "format"),
        (b"\x1f\x8b\x08\x00", {}, "compressed"),
        (b"PK\x03\x04", {}, "zip or xlsx"),
        (b"text\n" + b"x" * (3 << 20), {}, "more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_table(client, refused, body, query, words):
    assert words in refused(client.post("/v1/file", params=query, content=body), 422)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?txt=a", "'txt'; there are text, model, top, nearest, format"),
        ("?text=a&text=text", "'text' more than once"),
    ],
)
def test_what_an_address_has_in_vain_is_told(client, refused, query, words):
    assert words in refused(client.post(f"/v1/file{query}", content=b"text\nmy card\n"), 422)
    body = {"texts": ["my card"]}
    assert "belongs in the body" in refused(client.post("/v1/predict?top=2", json=body), 422)


def test_a_packed_body_is_refused_by_its_header(client, refused):
    headers = {"Content-Encoding": "br"}
    answer = client.post("/v1/file", content=b"text\nmy card\n", headers=headers)
    assert "'br'; send the file unpacked" in refused(answer, 415)
    headers = {"Content-Encoding": "Identity"}
    assert client.post("/v1/predict", json={"texts": ["a"]}, headers=headers).is_success


def json_lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def answered_lines(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_no_cell_is_written_over_another(client):
    one = {"text": "my card", "predicted": "x"}
    two = {"text": "my card", "predicted": "MINE", "input_predicted": "OTHER"}
    first, second = answered_lines(client.post("/v1/file", content=json_lines(one, two)))
    assert (first["input_predicted"], first["predicted"]) == ("x", "card")
    assert second["input_predicted"] == "MINE"
    assert "OTHER" in second.values()


def test_cells_that_a_table_has_no_column_for(client):
    body = json_lines(
        {"text": "my card"},
        {"text": "my card", "more": "1", "none": None},
        {"text": "", "other": 2},
    )
    answer = client.post("/v1/file?format=csv", content=body)
    one, two, three = csv.DictReader(io.StringIO(answer.text))
    assert [one["decision"], two["decision"], three["decision"]] == ["card", "card", "abstain"]
    assert one["reason"] == ""
    told = "left out, as csv has no column for it"
    assert two["reason"] == f"line 2: {told}: 'more'; format=jsonl keeps it"
    assert three["reason"] == f"line 3: no text; {told}: 'other'; format=jsonl keeps it"
    assert answered_lines(client.post("/v1/file", content=body))[1]["more"] == "1"


@pytest.mark.parametrize("first", ['{"id": 1}', "broken", "[1]", '{"id": 1}\n\n{"id": 2}'])
def test_a_column_that_the_first_record_lacks(client, first):
    body = '{"id": 0}\n' + first + '\n{"text": "my card"}\n'
    rows = answered_lines(client.post("/v1/file?text=text", content=body))
    assert [row["decision"] for row in rows[:-1]] == ["abstain"] * (len(rows) - 1)
    assert rows[-1]["decision"] == "card"


def test_a_named_column_that_no_record_has(client, refused):
    body = '{"text": "my card"}\n' * 3
    answer = client.post("/v1/file?text=texts", content=body)
    assert "no column 'texts'" in refused(answer, 422)


@pytest.mark.parametrize("query", ["", "?text=x"])
def test_messages_name_what_an_address_has(client, refused, query):
    sentence = refused(client.post(f"/v1/file{query}", content=b"a,b,c\n1,2,3\n"), 422)
    assert "--" not in sentence
    assert "?text=COLUMN" in sentence


def test_another_model(client, refused):
    refused(client.post("/v1/file?model=other", content=b"text\nmy card\n"), 404)


def test_too_many_files(serve, refused):
    with serve(limits={"files": 1}) as client, open_line(client) as line:
        line.sendall(b"400\r\n" + b"text\nmy card\n")
        while (answer := client.post("/v1/file", content=b"text\nmy card\n")).status_code == 200:
            pass
        assert "1 files" in refused(answer, 429)


@contextlib.contextmanager
def open_line(client, path="/v1/file"):
    """Begin to send a file."""
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address, 20) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        yield line


def test_a_file_that_does_not_come(serve):
    with serve(limits={"seconds": 0.3}) as client, open_line(client) as line:
        assert b"408" in line.recv(65536).splitlines()[0]


def test_a_file_that_stops_in_the_middle(serve):
    with serve(limits={"seconds": 0.5}) as client:
        with open_line(client) as line:
            body = b"text\n" + b"my card\n" * 500
            line.sendall(b"%x\r\n%s\r\n" % (len(body), body))
            found = b""
            while chunk := line.recv(65536):
                found += chunk
        assert found.startswith(b"HTTP/1.1 200")
        assert b"the rest cannot be read: nothing came or went for 0.5 seconds" in found
        assert client.post("/v1/file", content=b"text\nmy card\n").status_code == 200


def test_a_file_that_stops_before_its_first_row(serve):
    with serve(limits={"seconds": 0.5}) as client, open_line(client) as line:
        line.sendall(b"5\r\ntext\n\r\n")
        found = b""
        while chunk := line.recv(65536):
            found += chunk
    assert b"408" in found.splitlines()[0]
    assert b"connection: close" in found.lower()
    assert b"nothing came or went for 0.5 seconds; send the body faster" in found


def test_a_client_that_goes_away(serve):
    with serve(limits={"files": 1, "seconds": 5}) as client:
        with open_line(client) as line:
            body = b"text\n" + b"my card\n" * 5000
            line.sendall(b"%x\r\n%s\r\n" % (len(body), body))
            line.recv(100)
        for _ in range(50):
            if client.post("/v1/file", content=b"text\nmy card\n").status_code == 200:
                break
            time.sleep(0.1)
        else:
            pytest.fail("its place is still taken")


def test_a_client_that_goes_away_when_it_has_sent_everything(serve):
    n_rows = 50_000
    with serve() as client:
        address = (client.base_url.host, client.base_url.port)
        body = b"text\n" + b"my card\n" * n_rows
        head = f"POST /v1/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(address, 20) as line:
            line.sendall(head.encode() + body)
            line.recv(100)
        until(lambda: number_of(client, "gatewise_requests_in_flight ") == 1)
        assert 0 < number_of(client, 'gatewise_texts_total{model="tickets"}') < n_rows


def test_a_client_that_goes_away_before_the_first_row(client):
    name = 'gatewise_requests_total{route="/v1/file",status="499"}'
    before = number_of(client, name)
    with open_line(client) as line:
        line.sendall(b"5\r\ntext\n\r\n")
    until(lambda: number_of(client, name) == before + 1)


def number_of(client, name):
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end


def test_rows_come_back_while_others_are_still_being_sent(client):
    with open_line(client) as line:
        body = b"text\n" + b"my card\n" * 64
        for _ in range(3):
            line.sendall(b"%x\r\n%s\r\n" % (len(body), body))
            body = b"my card\n" * 64
            found = b""
            while b"my card,card" not in found:
                found += line.recv(65536)


def send_all_then_read(client, n_rows, size, seconds=20):
    """Send rows with a wide second column and read nothing before all is sent."""
    address = (client.base_url.host, client.base_url.port)
    row = b"my card is stuck," + b"x" * size + b"\n"
    n_bytes = len(b"text,wide\n") + n_rows * len(row)
    with socket.create_connection(address, seconds) as line:
        head = f"POST /v1/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: {n_bytes}\r\n\r\n"
        line.sendall(head.encode() + b"text,wide\n")
        for _ in range(n_rows):
            line.sendall(row)
        found = bytearray()
        while chunk := line.recv(1 << 20):
            found += chunk
    return bytes(found)


def test_a_client_that_reads_only_when_it_has_sent_all(client):
    found = send_all_then_read(client, 3000, 10_000)
    assert found.startswith(b"HTTP/1.1 200")
    assert found.count(b"my card is stuck,xxx") == 3000
    assert found.endswith(b"\r\n0\r\n\r\n")


def test_no_more_is_kept_for_such_a_client_than_is_allowed(serve):
    limits = {"spool_bytes": 1000, "seconds": 0.5, "files": 1}
    with serve(limits=limits) as client:
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            send_all_then_read(client, 3000, 10_000, seconds=4)
        assert client.post("/v1/file", content=b"text\nmy card\n").status_code == 200
