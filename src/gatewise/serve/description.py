"""What the server tells of its addresses: the methods of each, and the token that it wants."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.routing import Match, Mount

from gatewise.serve.guards import is_public

__all__ = ["DescribedApi", "methods_at"]

_METHODS = ("GET", "POST", "DELETE")
_SCHEME = "token"


class DescribedApi(FastAPI):
    """Routes whose description says that a token is wanted, if one is.

    Attributes
    ----------
    wants_token : bool
        Whether it is.
    """

    wants_token = False

    def openapi(self) -> dict[str, Any]:
        """Describe all routes."""
        if self.openapi_schema is None and self.wants_token:
            _add_token(super().openapi())
        return super().openapi()


def methods_at(app: FastAPI, path: str) -> list[str]:
    """List the methods that a path is answered to; none if nothing is there.

    Parameters
    ----------
    app : FastAPI
        The routes.
    path : str
        Of a request. What lies in a folder of files is left to the folder.

    Returns
    -------
    list of str
        HEAD is answered wherever GET is.
    """
    scope = {"type": "http", "path": path, "root_path": "", "headers": []}
    routes = [route for route in app.routes if not isinstance(route, Mount)]
    found = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] == Match.FULL for route in routes)
    ]
    return [*found, "HEAD"] if "GET" in found else found


def _add_token(description: dict[str, Any]) -> None:
    components = description.setdefault("components", {})
    components["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    description["security"] = [{_SCHEME: []}]
    for path, operations in description["paths"].items():
        if is_public(path):
            for operation in operations.values():
                operation["security"] = []
