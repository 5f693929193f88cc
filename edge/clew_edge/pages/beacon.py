"""`GET /_clew/beacon.js`: the script that reports what was seen, as it lies beside this file."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["SCRIPT", "serve_beacon"]

#: The script, as it is sent.
SCRIPT = Path(__file__).with_name("beacon.js").read_bytes()

_ETAG = f'"{hashlib.sha256(SCRIPT).hexdigest()[:32]}"'
_HEADERS = {
    "cache-control": "public, max-age=3600",
    "etag": _ETAG,
    "x-content-type-options": "nosniff",
}


async def serve_beacon(request: Request) -> Response:
    """Serve the script, the same to everybody; any cache may keep it for an hour."""
    if _holds(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=_HEADERS)
    return Response(SCRIPT, media_type="text/javascript", headers=_HEADERS)


def _holds(if_none_match: str) -> bool:
    """Whether the reader has this very script, by the weak comparison of RFC 9110 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(tags & {_ETAG, "*"})
