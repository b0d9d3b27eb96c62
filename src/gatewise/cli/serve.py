"""``gatewise serve``: models over HTTP."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from gatewise.base.optional import require
from gatewise.cli.garbage import look_as_ever

__all__ = ["serve"]

_PACKAGES = ("fastapi", "uvicorn", "httptools", "prometheus_client")

ModelsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help="Folders of trained models; each has the name of its folder, or give NAME=FOLDER.",
        show_default=False,
    ),
]
HostOption = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Where to listen. An address that other machines can reach needs --token-file, or "
        "--no-auth.",
    ),
]
PortOption = Annotated[int, typer.Option("--port", metavar="N", help="0: any that is free.")]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Holds what clients have to send as Authorization: Bearer.",
        show_default=False,
    ),
]
NoAuthOption = Annotated[
    bool, typer.Option("--no-auth", help="Whoever can connect may use the models.")
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A name under which clients know this server, besides localhost and IP addresses; "
        "may be given several times, '*' allows any.",
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", metavar="N", help="For computations of more than 5 ms.")
]
BatchOption = Annotated[
    int,
    typer.Option(
        "--batch-texts",
        metavar="N",
        help="Texts of several waiting requests that are computed together.",
    ),
]
InFlightOption = Annotated[
    int, typer.Option("--max-in-flight", metavar="N", help="Requests answered at a time.")
]
TextsOption = Annotated[int, typer.Option("--max-texts", metavar="N", help="Of a request.")]
CharactersOption = Annotated[int, typer.Option("--max-characters", metavar="N", help="Of a text.")]
BodyOption = Annotated[
    int,
    typer.Option("--max-body-bytes", metavar="N", help="Of a request; a file may have any length."),
]
FilesOption = Annotated[
    int, typer.Option("--max-files", metavar="N", help="Files answered at a time.")
]
SpoolOption = Annotated[
    int,
    typer.Option(
        "--max-spool-bytes",
        metavar="N",
        help="Of a file, kept on the disk while its client does not read the answer.",
    ),
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="For a request and its answer.")
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where the page keeps corrections; else a folder of this user.",
        show_default=False,
    ),
]
DrainOption = Annotated[
    float,
    typer.Option(
        "--drain-seconds",
        metavar="SECONDS",
        help="How long requests are still taken after the signal to stop, while "
        "/v2/health/ready says no.",
    ),
]


def serve(
    models: ModelsArgument,
    *,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token_file: TokenOption = None,
    no_auth: NoAuthOption = False,
    allow_host: AllowHostOption = None,
    threads: ThreadsOption = 2,
    batch_texts: BatchOption = 64,
    max_in_flight: InFlightOption = 64,
    max_texts: TextsOption = 256,
    max_characters: CharactersOption = 20_000,
    max_body_bytes: BodyOption = 1 << 20,
    max_files: FilesOption = 4,
    max_spool_bytes: SpoolOption = 1 << 30,
    timeout: TimeoutOption = 30.0,
    state: StateOption = None,
    drain_seconds: DrainOption = 1.0,
) -> None:
    """Answer texts over HTTP, with one or more models.

    POST /v1/predict takes {"texts": [...]}; /openapi.json describes all that can be asked. A
    model's folder that is replaced is read anew while the old model answers. SIGTERM ends the
    server when what it was asked is answered.
    """
    for package in _PACKAGES:
        require(package, extra="serve", purpose="serve a model")
    from gatewise.serve.corrections import CorrectionStore
    from gatewise.serve.models import load_served, named_folders
    from gatewise.serve.page import page_routes
    from gatewise.serve.server import make_server
    from gatewise.serve.settings import Limits, ServerSettings, read_token

    settings = ServerSettings(
        host=host,
        port=port,
        token=read_token(token_file) if token_file else None,
        open_to_all=no_auth,
        host_names=tuple(allow_host or ()),
        limits=Limits(
            body_bytes=max_body_bytes,
            texts=max_texts,
            characters=max_characters,
            in_flight=max_in_flight,
            files=max_files,
            spool_bytes=max_spool_bytes,
            seconds=timeout,
        ),
        threads=threads,
        batch_texts=batch_texts,
        drain_seconds=drain_seconds,
    )
    folders = named_folders(models)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    look_as_ever()
    store = CorrectionStore(state)
    store.warn()
    make_server(folders, load_served, settings, [page_routes(store)]).run()
