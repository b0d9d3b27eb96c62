"""The routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from gatewise import __version__
from gatewise.serve.answering import answer_to_json
from gatewise.serve.body_stream import StalledError
from gatewise.serve.complaints import add_complaints
from gatewise.serve.description import DescribedApi, methods_at
from gatewise.serve.files import FileQuestion
from gatewise.serve.guards import GuardedApp
from gatewise.serve.inference import infer_answer, model_metadata, texts_of
from gatewise.serve.json_route import DirectApp, JsonRoute, StrictRoute, check_query
from gatewise.serve.limits import FILE_PATH, LimitedApp
from gatewise.serve.metrics import CountedApp
from gatewise.serve.models import LoadedModel
from gatewise.serve.pages import REPORT, STATIC, PageFiles, Pieces, ReportFile, Upload, has_report
from gatewise.serve.refusals import RefusedError, broken_off
from gatewise.serve.reloading import Reloader
from gatewise.serve.schemas import (
    ErrorAnswer,
    FlagAnswer,
    InferAnswer,
    InferRequest,
    MetadataAnswer,
    ModelAnswer,
    ModelsAnswer,
    PredictAnswer,
    PredictRequest,
    ReplayRequest,
    ServerAnswer,
)
from gatewise.serve.service import Service, json_body

__all__ = ["create_app"]

_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
_COMMON = (400, 401, 403, 404, 421, 422, 500)
_WITH_BODY = (*_COMMON, 408, 413, 415, 429, 503)


def create_app(
    service: Service, reloader: Reloader | None = None, more: Sequence[APIRouter] = ()
) -> ASGIApp:
    """Put routes, limits and guards together.

    Parameters
    ----------
    service : Service
        What answers; closed when the application ends.
    reloader : Reloader, optional
        Runs as long as the application does.
    more : sequence of APIRouter
        Further routes, such as those of the page; they come first.

    Returns
    -------
    ASGI application
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        watch = asyncio.create_task(reloader.watch()) if reloader else None
        yield
        if watch:
            watch.cancel()
        service.close()

    # The pages of FastAPI that show the description load their scripts from elsewhere.
    app = DescribedApi(
        title="gatewise",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
    )
    settings = service.settings
    app.wants_token = settings.token is not None
    add_complaints(app)
    for router in more:
        app.include_router(router, responses=_errors(_WITH_BODY))
    answering = _answering(service)
    app.include_router(answering, responses=_errors(_WITH_BODY))
    app.include_router(_files(service), responses=_errors(_WITH_BODY))
    app.include_router(_telling(service), responses=_errors(_COMMON))
    app.include_router(_protocol(service), responses=_errors(_COMMON))
    app.mount("/static", PageFiles(directory=STATIC, check_dir=False))
    direct = DirectApp(app, answering.routes, [route for router in more for route in router.routes])
    limited = LimitedApp(
        direct, settings.limits, service.drain, lambda path: "POST" in methods_at(app, path)
    )
    return CountedApp(GuardedApp(limited, settings), service.metrics)


def _answering(service: Service) -> APIRouter:
    router = APIRouter(route_class=JsonRoute)

    @router.post("/v1/predict", response_model=PredictAnswer)
    async def predict(question: PredictRequest) -> Response:
        """Classify texts."""
        loaded = service.shelf.find(question.model)
        answers = await service.answers(loaded, question.texts, question.top, question.nearest)
        return _json(
            {
                "model": loaded.name,
                "checksum": loaded.checksum,
                "predictions": [answer_to_json(answer) for answer in answers],
            }
        )

    @router.post("/v1/replay", response_model=dict[str, Any])
    async def replay(question: ReplayRequest) -> Response:
        """Show how a model reads a text, gate by gate; as ``gatewise replay --json``."""
        loaded = service.shelf.find(question.model)
        return _sent(await service.replay(loaded, question.text))

    @router.post("/v2/models/{name}/infer", response_model=InferAnswer)
    async def infer(name: str, question: InferRequest) -> Response:
        """Classify texts, by the Open Inference Protocol."""
        loaded = service.shelf.find(name)
        answers = await service.answers(loaded, texts_of(question, loaded))
        return _json(infer_answer(question, loaded, answers))

    return router


def _files(service: Service) -> APIRouter:
    router = APIRouter()
    table: dict[str, Any] = {"schema": {"type": "string"}}
    kinds = ["text/csv", "text/tab-separated-values", "application/x-ndjson"]
    body = {"required": True, "content": dict.fromkeys(kinds, table)}
    answer: dict[int | str, dict[str, Any]] = {
        200: {"content": dict.fromkeys(kinds, table), "description": "The rows with answers."}
    }

    @router.post(
        FILE_PATH,
        response_class=Response,
        responses=answer,
        openapi_extra={"requestBody": body},
    )
    async def file(
        request: Request,
        *,
        text: Annotated[str | None, Query(description="The column of the texts.")] = None,
        model: str | None = None,
        top: Annotated[int, Query(ge=1, le=1 << 53)] = 1,
        nearest: Annotated[int, Query(ge=0, le=1 << 53)] = 0,
        output: Annotated[
            Literal["csv", "tsv", "jsonl"] | None,
            Query(
                alias="format", description="What to write; else JSON lines for JSON lines, or csv."
            ),
        ] = None,
    ) -> Response:
        """Classify the texts of a table, csv, tsv or JSON lines, of any length, row by row."""
        _check_kind(request.headers)
        check_query(request, ("text", "model", "top", "nearest", "format"))
        loaded = service.shelf.find(model, "?model=")
        question = FileQuestion(text, output, top, nearest, service.settings.limits.characters)
        upload = Upload(request)
        out, pieces = service.answer_file(loaded, question, upload.chunks())
        try:
            first = await anext(pieces, b"")
        except StalledError as error:
            raise RefusedError(408, str(error), Connection="close") from None
        except TimeoutError as error:
            raise RefusedError(408, f"{error}; send the body faster", Connection="close") from None
        except ClientDisconnect:
            raise broken_off() from None
        return Pieces(first, pieces, out.patiently, upload, _MEDIA_TYPES[out.kind])

    return router


def _telling(service: Service) -> APIRouter:
    router = APIRouter(route_class=StrictRoute)

    @router.get("/v1/models", response_model=ModelsAnswer)
    async def models() -> Response:
        """Tell which models there are, and how much may be asked of them."""
        limits = service.settings.limits
        told = [_about(loaded) for loaded in service.shelf.models.values()]
        return _json({"models": told, "limits": vars(limits)})

    @router.get("/v1/model", response_model=ModelAnswer)
    async def model(name: str | None = None) -> Response:
        """Tell what the only model is, or the one that is named."""
        return _json(_about(service.shelf.find(name, "?name=")))

    @router.get("/v1/models/{name}", response_model=ModelAnswer)
    async def named_model(name: str) -> Response:
        """Tell what a model is."""
        return _json(_about(service.shelf.find(name)))

    @router.get("/v1/models/{name}/report", response_class=Response)
    async def report(name: str) -> Response:
        """Show the page of a model that ``gatewise report`` wrote into its folder."""
        loaded = service.shelf.find(name)
        if not has_report(loaded.folder):
            raise RefusedError(
                404,
                f"the model {name!r} has no report, or only a link to one; write one into its "
                f"folder: gatewise report MODEL --out MODEL/{REPORT}",
            )
        return ReportFile(loaded.folder)

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Count requests and texts, for Prometheus."""
        return Response(service.metrics.page(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        raise RefusedError(404, "this server has no page; /openapi.json lists what there is")

    return router


def _protocol(service: Service) -> APIRouter:
    router = APIRouter(route_class=StrictRoute)

    @router.get("/v2", response_model=ServerAnswer)
    async def server() -> Response:
        """Tell what the server is."""
        return _json({"name": "gatewise", "version": __version__, "extensions": []})

    @router.get("/v2/health/live", response_model=FlagAnswer)
    async def live() -> Response:
        """Tell that the server runs."""
        return _json({"live": True})

    @router.get("/v2/health/ready", response_model=FlagAnswer, responses=_errors((503,)))
    async def ready() -> Response:
        """Tell whether requests should be sent here."""
        if service.drain.has_begun:
            raise RefusedError(503, "the server is about to stop; ask another one")
        return _json({"ready": True})

    @router.get("/v2/models/{name}", response_model=MetadataAnswer)
    async def metadata(name: str) -> Response:
        """Tell what a model takes and gives."""
        return _json(model_metadata(service.shelf.find(name)))

    @router.get("/v2/models/{name}/ready", response_model=FlagAnswer, responses=_errors((503,)))
    async def model_ready(name: str) -> Response:
        """Tell whether requests for a model should be sent here."""
        loaded = service.shelf.find(name)
        if service.drain.has_begun:
            raise RefusedError(503, "the server is about to stop; ask another one")
        return _json({"name": loaded.name, "ready": True})

    return router


def _check_kind(headers: Headers) -> None:
    # Programs name any kind for a file, or none; but a form is not the file.
    content_type = headers.get("content-type", "")
    if content_type.strip().casefold().startswith("multipart/"):
        raise RefusedError(
            415,
            f"the Content-Type is {content_type[:80]!r}; send the file alone as the body, as "
            "text/csv, text/tab-separated-values or application/x-ndjson",
        )
    encoding = headers.get("content-encoding", "identity")
    if encoding.strip().casefold() != "identity":
        raise RefusedError(
            415, f"the Content-Encoding is {encoding[:80]!r}; send the file unpacked, without it"
        )


def _about(loaded: LoadedModel) -> dict[str, Any]:
    return {**loaded.about(), "has_report": has_report(loaded.folder)}


def _errors(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorAnswer} for status in statuses}


def _json(value: Any) -> Response:
    return _sent(json_body(value))


def _sent(body: bytes) -> Response:
    return Response(body, media_type="application/json")
