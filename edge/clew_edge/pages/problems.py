"""Refusals as documents that say what was wrong and what to do (RFC 9457, "Problem Details")."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

__all__ = ["RefusedError", "problem"]


class RefusedError(Exception):
    """A request that is not served; it ends as the problem document of its status and detail."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def problem(refused: RefusedError) -> JSONResponse:
    """Write the problem document; nothing keeps it."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": refused.status.phrase,
            "status": refused.status.value,
            "detail": refused.detail,
        },
        status_code=refused.status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store", **refused.headers},
    )
