"""The page and what only it asks for: reviews, and the corrections that come out of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from gatewise import __version__
from gatewise.serve.corrections import (
    CorrectionStore,
    ReviewNotFoundError,
    ReviewRecord,
    StoreError,
)
from gatewise.serve.json_route import StrictRoute
from gatewise.serve.refusals import RefusedError
from gatewise.serve.schemas import Number, Strict, Text, whole_text

__all__ = ["LANGUAGES", "page_routes", "preferred_language", "strings_of"]

LANGUAGES = ("en", "zh")
_HERE = Path(__file__).parent
_MOST_AT_ONCE = 500


def _not_blank(label: str) -> str:
    if not label.strip():
        raise ValueError("a label is white space alone; name a class")
    return label


_Label = Annotated[
    str,
    Field(min_length=1, max_length=1000),
    AfterValidator(whole_text),
    AfterValidator(_not_blank),
]
_Number = Annotated[int, PathParameter(ge=1, le=1 << 53)]


class _Strict(Strict):
    model_config = ConfigDict(strict=True)


class _Record(_Strict):
    text: Text
    line: Number | None = Field(None, ge=1, le=1 << 53)
    given: _Label | None = None
    suggested: _Label | None = None
    probability: float | None = Field(None, ge=0, le=1)
    in_scope: float | None = Field(None, ge=0, le=1)
    why: Annotated[str, Field(max_length=1000)] | None = None
    corrected: _Label | None = None


_Records = Annotated[list[_Record], Field(max_length=_MOST_AT_ONCE)]


class _NewReview(_Strict):
    source: Annotated[str, Field(min_length=1, max_length=500)]
    model: Annotated[str, Field(max_length=200)]
    records: _Records = Field(default_factory=list)


class _MoreRecords(_Strict):
    start: Number = Field(ge=0, le=1 << 31)
    records: _Records


class _Correction(_Strict):
    position: Number = Field(ge=0, le=1 << 31)
    label: _Label | None


class _Review(BaseModel):
    id: int
    source: str
    model: str
    made_at: float = Field(description="Seconds since 1970.")
    n_records: int
    n_decided: int
    n_lines: int = Field(description="Records whose line in the file is known.")


class _Reviews(BaseModel):
    reviews: list[_Review]


class _KeptRecord(BaseModel):
    position: int
    text: str
    line: int | None
    given: str | None
    suggested: str | None
    probability: float | None
    in_scope: float | None
    why: str | None
    corrected: str | None


class _KeptRecords(BaseModel):
    records: list[_KeptRecord]


def page_routes(store: CorrectionStore) -> APIRouter:
    """Make the routes of the page.

    Parameters
    ----------
    store : CorrectionStore
        Where corrections are kept.

    Returns
    -------
    APIRouter
        ``/`` and ``/v1/reviews``; functions that touch the disk run in threads.
    """
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    def page(request: Request) -> Response:
        language = preferred_language(request.headers.get("accept-language", ""))
        headers = {"Content-Language": language, "Vary": "Accept-Language"}
        return Response(_page(language), media_type="text/html", headers=headers)

    router.include_router(_review_routes(store), prefix="/v1/reviews")
    return router


def _review_routes(store: CorrectionStore) -> APIRouter:
    router = APIRouter(route_class=StrictRoute)

    @router.get("", response_model=_Reviews)
    def reviews() -> Any:
        """Tell which reviews there are, the newest first."""
        with _Found():
            return {"reviews": store.reviews()}

    @router.post("", response_model=_Review)
    def begin(new: _NewReview) -> Any:
        """Begin a review of records."""
        with _Found():
            return store.begin(new.source, new.model, _kept(new.records))

    @router.post("/{number}/records", response_model=_Review)
    def add(number: _Number, more: _MoreRecords) -> Any:
        """Add records; a request may be sent twice."""
        with _Found():
            return store.add(number, more.start, _kept(more.records))

    @router.get("/{number}/records", response_model=_KeptRecords)
    def records(
        number: _Number,
        start: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
        count: Annotated[int, Query(ge=1, le=_MOST_AT_ONCE)] = 100,
    ) -> Any:
        """Read some records of a review."""
        with _Found():
            return {"records": store.records(number, start, count)}

    @router.post("/{number}/corrections", response_model=_Review)
    def correct(number: _Number, correction: _Correction) -> Any:
        """Note the right label of a record; null: undecided again."""
        with _Found():
            return store.correct(number, correction.position, correction.label)

    @router.get("/{number}/export", response_class=Response)
    def export(number: _Number, form: Literal["training", "audit"] = "training") -> Response:
        """Give the corrections as csv: to train on, or for ``gatewise audit --apply``."""
        with _Found():
            if form == "training":
                content = _csv(("text", "label"), store.training_rows(number))
            else:
                columns = ("line", "given", "suggested", "corrected", "text")
                content = _csv(columns, store.audit_rows(number))
        name = f"review-{number}-{form}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    @router.delete("/{number}", status_code=204, response_class=Response)
    def delete(number: _Number) -> None:
        """Forget a review."""
        with _Found():
            store.delete(number)

    return router


def preferred_language(header: str) -> str:
    """Choose the language of the page by what a browser accepts.

    Parameters
    ----------
    header : str
        Accept-Language.

    Returns
    -------
    str
        One of ``LANGUAGES``; English if there is nothing else in common.
    """
    wishes = []
    for place, wish in enumerate(header.split(",")):
        name, _, weight = wish.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, name.strip().casefold()[:2]))
        except ValueError:
            continue
    return next((name for *_, name in sorted(wishes) if name in LANGUAGES), LANGUAGES[0])


def strings_of(language: str) -> dict[str, str]:
    """Read what the page says in a language, by key."""
    strings: dict[str, str] = json.loads((_HERE / "static" / f"{language}.json").read_text("utf-8"))
    return strings


def _page(language: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html").render(
        s=strings_of(language), language=language, version=__version__
    )


class _Found:
    """Turns what is not there into 404, and a store that does not work into 503."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ReviewNotFoundError):
            raise RefusedError(404, str(error)) from error
        if isinstance(error, StoreError):
            raise RefusedError(503, str(error)) from error


def _kept(records: Sequence[_Record]) -> list[ReviewRecord]:
    return [ReviewRecord(**record.model_dump()) for record in records]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return stream.getvalue().encode("utf-8")
