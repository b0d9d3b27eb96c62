"""What a server is started with, checked: where it listens, whom it lets in, how much it takes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from gatewise.base.config import check_range, check_whole_number
from gatewise.base.errors import ConfigError

__all__ = ["Limits", "ServerSettings", "is_loopback", "read_token"]

_SHORTEST_TOKEN = 16
_LONGEST_TOKEN = 4096
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Limits:
    """How much one client may ask for.

    Attributes
    ----------
    body_bytes : int
        Of a request; ``/v1/file`` takes any number.
    texts : int
        Of a request.
    characters : int
        Of a text.
    in_flight : int
        Requests that are answered at a time.
    files : int
        Files that are answered at a time; each takes a thread.
    spool_bytes : int
        Of a file, that are kept on the disk while its client does not read the answer.
    seconds : float
        For a request to arrive and be answered; for ``/v1/file``, without a byte coming or going.
    """

    body_bytes: int = 1 << 20
    texts: int = 256
    characters: int = 20_000
    in_flight: int = 64
    files: int = 4
    spool_bytes: int = 1 << 30
    seconds: float = 30.0

    def __post_init__(self) -> None:
        check_whole_number("max_body_bytes", self.body_bytes, 1024, 1 << 30)
        check_whole_number("max_texts", self.texts, 1, 100_000)
        check_whole_number("max_characters", self.characters, 1, 100_000_000)
        check_whole_number("max_in_flight", self.in_flight, 1, 100_000)
        check_whole_number("max_files", self.files, 1, 1000)
        check_whole_number("max_spool_bytes", self.spool_bytes, 0, 1 << 60)
        check_range("timeout", self.seconds, 0.01, 86_400.0)


@dataclass(frozen=True)
class ServerSettings:
    """How a server behaves.

    Attributes
    ----------
    host : str
        The address to listen on.
    port : int
        0: any that is free.
    token : str or None
        What clients have to send as ``Authorization: Bearer``.
    open_to_all : bool
        An address that others can reach is allowed without a token.
    host_names : tuple of str
        Names that a request may be addressed to, besides localhost and IP addresses; ``"*"``: any.
    limits : Limits
        How much one client may ask for.
    threads : int
        That compute.
    batch_texts : int
        Of several requests in one computation; 1: each request is computed alone.
    drain_seconds : float
        How long requests are still taken after the signal to stop, while ``ready`` says no.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    open_to_all: bool = False
    host_names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    threads: int = 2
    batch_texts: int = 64
    drain_seconds: float = 1.0

    def __post_init__(self) -> None:
        check_whole_number("port", self.port, 0, 65_535)
        check_whole_number("threads", self.threads, 1, 256)
        check_whole_number("batch_texts", self.batch_texts, 1, 100_000)
        check_range("drain_seconds", self.drain_seconds, 0.0, 3600.0)
        if self.token is None and not self.open_to_all and not is_loopback(self.host):
            raise ConfigError(
                f"host is {self.host!r}, which other machines can reach; give --token-file FILE, "
                "or --no-auth if whoever can connect may use the models"
            )


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """Read the token that clients have to send.

    Parameters
    ----------
    path : Path
        A file with one line.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If it is short enough to be guessed, or cannot stand in a header.
    """
    with path.open("rb") as stream:
        content = stream.read(_LONGEST_TOKEN + 1)
    token = content.decode("utf-8", "replace").strip()
    if not _SHORTEST_TOKEN <= len(token) <= _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{path} must hold one line of {_SHORTEST_TOKEN} to {_LONGEST_TOKEN:,} letters, digits "
            f"and signs without spaces; make one with: openssl rand -hex 32 > {path}"
        )
    return token
