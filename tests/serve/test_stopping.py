"""A server in a process of its own: its messages, its end, its memory."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

ASK = {"texts": ["secret words", "my card is stuck"]}


class Process:
    """``gatewise serve`` on a free port."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "gatewise", "serve", "--port", "0", *map(str, arguments)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.base_url = None
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        end = time.monotonic() + 60
        while self.base_url is None:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end
            time.sleep(0.02)

    def _read(self):
        with self._process.stderr as lines:
            for line in lines:
                self.log.append(line)
                if found := re.search(r"running on (http://\S+)", line):
                    self.base_url = found[1]

    def peak_memory(self):
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def send(self, number):
        self._process.send_signal(number)

    def wait(self):
        status = self._process.wait(30)
        self._reader.join()
        return status


@pytest.fixture
def start():
    with contextlib.ExitStack() as stack:

        def run(*arguments):
            process = Process(*arguments)
            stack.callback(process.wait)
            stack.callback(process.send, signal.SIGTERM)
            return process

        yield run


class Load:
    """Clients that ask as long as the server is ready, as behind a load balancer."""

    def __init__(self, base_url, n_clients):
        self.n_answered = 0
        self.lost = []
        self._base_url = base_url
        self._threads = [threading.Thread(target=self._ask) for _ in range(n_clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        with httpx.Client(base_url=self._base_url, timeout=20) as client:
            while True:
                try:
                    answer = client.post("/v1/predict", json=ASK)
                except httpx.HTTPError as error:
                    self.lost.append(repr(error))
                    return
                if answer.status_code != 200:
                    self.lost.append(answer.text)
                self.n_answered += 1
                if answer.headers.get("connection") == "close":  # it is about to stop
                    return

    def join(self):
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "n_clients"), [("TERM", 1), ("TERM", 16), ("INT", 8)])
def test_a_stop_under_load_loses_nothing(start, tickets, number, n_clients):
    process = start(tickets, "--drain-seconds", "0.5")
    load = Load(process.base_url, n_clients)
    time.sleep(0.5)
    with httpx.Client(base_url=process.base_url) as client:
        assert client.get("/v2/health/ready").status_code == 200
        process.send(signal.Signals[f"SIG{number}"])
        time.sleep(0.1)
        assert client.get("/v2/health/ready").status_code == 503
        assert client.get("/v2/models/first/ready").status_code == 503
        assert client.get("/v2/health/live").status_code == 200
    load.join()
    assert load.lost == []
    assert load.n_answered > n_clients
    assert process.wait() == 0
    log = "".join(process.log)
    assert "secret" not in log
    assert "Traceback" not in log
    assert "POST /v1/predict 200" in log


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no such signal on Windows")
def test_what_was_sent_before_the_end_is_answered(start, tickets):
    """The server is held up while clients connect and ask, and finds the signal with all that."""
    process = start(tickets, "--drain-seconds", "0")
    url = httpx.URL(process.base_url)
    body = json.dumps(ASK).encode()
    head = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with contextlib.ExitStack() as stack:
        address = (url.host, url.port)
        known = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(5)]
        for line in known:
            line.sendall(request)
            found = b""
            while not found.endswith(b"]}]}"):
                found += line.recv(65536)
        process.send(signal.SIGSTOP)
        new = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(5)]
        for line in known[1:] + new:
            line.sendall(request)
        process.send(signal.SIGTERM)
        process.send(signal.SIGCONT)
        for line in known[1:] + new:
            found = b""
            while chunk := line.recv(65536):
                found += chunk
            assert found.startswith(b"HTTP/1.1 200"), found
        assert known[0].recv(1) == b""  # it had nothing to ask
    assert process.wait() == 0


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/file"])
def test_what_has_begun_is_finished(start, tickets, path):
    process = start(tickets, "--drain-seconds", "0")
    body = b"text\nmy card is stuck\n" if "file" in path else json.dumps(ASK).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    url = httpx.URL(process.base_url)
    with socket.create_connection((url.host, url.port), 20) as line:
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        while "in_flight 2.0" not in httpx.get(f"{process.base_url}/metrics").text:
            pass
        process.send(signal.SIGTERM)
        time.sleep(0.5)
        line.sendall(body[5:])
        found = b""
        while chunk := line.recv(65536):
            found += chunk
    assert found.startswith(b"HTTP/1.1 200")
    assert b"card" in found
    assert process.wait() == 0


def rows(n_rows):
    yield b"id,text\n"
    for start in range(0, n_rows, 100):
        yield b"".join(b"%d,my card is stuck\n" % row for row in range(start, start + 100))


@pytest.mark.slow
def test_a_long_file_takes_no_more_memory_than_a_short_one(start, tickets):
    """One of 50,000 rows."""
    process = start(tickets)
    url = f"{process.base_url}/v1/file"
    httpx.post(url, content=rows(2000), timeout=60)
    before = process.peak_memory()
    n_rows = 0
    with httpx.stream("POST", url, content=rows(50_000), timeout=60) as answer:
        assert answer.status_code == 200
        for n_rows, line in enumerate(answer.iter_lines()):
            assert line.startswith(f"{n_rows - 1},my card is stuck,card,") or not n_rows
    assert n_rows == 50_000
    assert process.peak_memory() - before < 8e6


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal on Windows")
def test_a_look_at_the_folders_on_request(start, tickets, tmp_path):
    process = start(f"name={tickets}")
    process.send(signal.SIGHUP)
    assert httpx.get(f"{process.base_url}/v1/model").json()["name"] == "name"
