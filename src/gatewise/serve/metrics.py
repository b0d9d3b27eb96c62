"""What a server counts, for Prometheus, and its access log; neither ever holds a text."""

from __future__ import annotations

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CountedApp", "Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_UNKNOWN = "none"  # the path of a request to no route is the client's own text

_access = logging.getLogger("gatewise.access")


class Metrics:
    """The counters of one server.

    Attributes
    ----------
    requests, seconds : Counter, Histogram
        By route and status; by route.
    in_flight : Gauge
        Requests being answered.
    texts, abstained : Counter
        Texts answered, and those answered with "abstain"; by model.
    batch_texts : Histogram
        Texts computed together.
    load_failures : Counter
        Replaced folders that could not be read; by model.
    load_seconds, loaded_at, versions : Gauge
        Of the models served.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "gatewise_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "gatewise_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "gatewise_requests_in_flight", "Requests being answered.", registry=registry
        )
        self.texts = Counter("gatewise_texts", "Texts answered.", ["model"], registry=registry)
        self.abstained = Counter(
            "gatewise_abstentions", "Texts answered with abstain.", ["model"], registry=registry
        )
        self.batch_texts = Histogram(
            "gatewise_batch_texts", "Texts computed together.", buckets=_TEXTS, registry=registry
        )
        self.load_failures = Counter(
            "gatewise_model_load_failures",
            "Replaced model folders that could not be read.",
            ["model"],
            registry=registry,
        )
        self.load_seconds = Gauge(
            "gatewise_model_load_seconds",
            "How long reading the model took.",
            ["model"],
            registry=registry,
        )
        self.loaded_at = Gauge(
            "gatewise_model_loaded_timestamp_seconds",
            "When the model was read, since 1970.",
            ["model"],
            registry=registry,
        )
        self.versions = Gauge(
            "gatewise_model_info",
            "1 for each model served.",
            ["model", "checksum", "gatewise"],
            registry=registry,
        )

    def loaded(self, name: str, checksum: str, made_with: str, seconds: float) -> None:
        """Note a model that is served from now on, in the place of an older one."""
        self.versions.remove_by_labels({"model": name})
        self.versions.labels(name, checksum, made_with).set(1)
        self.load_seconds.labels(name).set(seconds)
        self.loaded_at.labels(name).set(time.time())
        for counter in (self.texts, self.abstained, self.load_failures):
            counter.labels(name)  # a counter should be there from the start, as 0

    def page(self) -> bytes:
        """Write all of them in the text format of Prometheus."""
        return generate_latest(self._registry)


class CountedApp:
    """ASGI middleware, the outermost: counts requests and writes the access log.

    Parameters
    ----------
    app : ASGI application
        What answers.
    metrics : Metrics
        Where to count.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._metrics.in_flight.track_inprogress():
                await self._app(scope, receive, noting)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route_of(scope)
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        client = (scope.get("client") or ("-",))[0]
        # The route and not the path: what clients write is not copied into the log.
        _access.info("%s %s %s %d %.1f ms", client, scope["method"], route, status, 1e3 * seconds)


def _route_of(scope: Scope) -> str:
    """Name the route by its pattern, with the prefixes of the routers that it lies in."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    for route in (included, scope.get("route")):
        if path := getattr(route, "path", None):
            return str(path)
    return scope.get("root_path") or _UNKNOWN  # of a folder of files
