"""Why a request is not answered: a status and one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.types import Send

__all__ = ["RefusedError", "broken_off", "error_body", "failure_body", "send_error", "send_refusal"]

_LEFT = 499  # that the client has left; nginx's, which HTTP itself has no status for


class RefusedError(Exception):
    """A request is answered with an error.

    Parameters
    ----------
    status : int
        Of HTTP.
    sentence : str
        What came, what is allowed, what to do.
    **headers : str
        Headers of the answer, with ``_`` for ``-``.

    Attributes
    ----------
    status, sentence : int, str
        As given.
    headers : dict of str to str
        With ``-`` in their names.
    """

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def broken_off() -> RefusedError:
    """Refuse a body that its client did not send to the end; nobody reads it, but it is counted."""
    return RefusedError(_LEFT, "the connection was closed before the body was whole")


def error_body(sentence: str, **more: str) -> bytes:
    """Write the body of an error; half surrogate pairs, which UTF-8 has no bytes for, escaped."""
    return json.dumps({"error": sentence, **more}).encode("ascii")


def failure_body(request_id: str) -> bytes:
    """Write the body of the answer when something went wrong that was not foreseen."""
    return error_body(
        "something went wrong here that was not foreseen; the server's log has more under this id",
        request_id=request_id,
    )


async def send_refusal(
    send: Send, status: int, sentence: str, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error, from below all routes."""
    await send_error(send, status, error_body(sentence), headers)


async def send_error(
    send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with the body of an error."""
    pairs = {"content-type": "application/json", "content-length": str(len(body))}
    pairs |= {name.lower(): value for name, value in (headers or {}).items()}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
