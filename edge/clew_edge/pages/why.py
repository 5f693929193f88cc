"""
`GET /_clew/why`: to the visitor, what was chosen for them within the last day, and why.

A page that reads without a script, or JSON for `Accept: application/json`. It is for one pair of
eyes: nothing keeps it, nothing indexes it, nothing frames it, and no address learns where its
reader came from.

Source of the demand: GDPR Article 15(1)(h).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from attrs import asdict, frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clew.model.decision import Decision
from clew.model.profile import Profile
from clew_edge.pages import wording

if TYPE_CHECKING:
    from clew import AsyncClient, AsyncVisitor

__all__ = ["show_why"]

_FOLDER = Path(__file__).with_name("templates")
_STYLE = (_FOLDER / "why.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "cache-control": "private, no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}

_environment = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {word: getattr(wording, word) for word in wording.__all__}
_page = _environment.get_template("why.html", globals={"style": Markup(_STYLE)})  # noqa: S704 - ours


@frozen
class _Account:
    """What there is to say to one visitor; without an id, nothing."""

    profile: Profile | None = None
    #: The latest of each slot, newest first.
    decisions: tuple[Decision, ...] = ()


async def show_why(request: Request, client: AsyncClient, visitor: AsyncVisitor) -> Response:
    """Tell the visitor what was chosen for them, and why."""
    account = await _account(client, visitor)
    if _wants_json(request.headers.get("accept", "")):
        body = orjson.dumps(_document(account), option=orjson.OPT_UTC_Z, default=str)
        return Response(body, media_type="application/json", headers=_HEADERS)
    page = _page.render(account=account, back=_back(request))
    return HTMLResponse(page, headers=_HEADERS)


async def _account(client: AsyncClient, visitor: AsyncVisitor) -> _Account:
    if visitor.subject is None:
        return _Account()
    latest: dict[str, Decision] = {}
    for decision in await client.decisions(visitor.subject):
        latest.setdefault(decision.slot, decision)
    kept = await _kept(visitor, latest)
    told = tuple(kept.get(decision.id, decision) for decision in latest.values())
    return _Account(await visitor.profile(), told)


async def _kept(visitor: AsyncVisitor, slots: Iterable[str]) -> dict[str, Decision]:
    """
    Give the decisions that pages still show, by id.

    The content of a kept decision follows the profile, so it is told as the next page will show it.
    Where the slot would be decided anew, that is voided: nobody was shown it.
    """
    await visitor.prepare(tuple(slots))
    found = {decision.id: decision for decision in visitor.decided.values()}
    visitor.finish()
    return found


def _document(account: _Account) -> dict[str, Any]:
    """The same account for a program; it names no id, which scripts of the page must not learn."""
    return {
        "known": account.profile is not None,
        "permissions": [asdict(each) for each in account.profile.permissions]
        if account.profile
        else [],
        "decisions": [
            {
                "slot": decision.slot,
                "decided_at": decision.decided_at,
                "creative": decision.creative,
                "content": dict(decision.content),
                "reason": decision.reason,
                "consent": None if decision.consent is None else asdict(decision.consent),
                "explanation": asdict(decision.explanation),
            }
            for decision in account.decisions
        ],
    }


def _wants_json(accept: str) -> bool:
    """Whether a program asks: one that names JSON and no page."""
    return "application/json" in accept and "text/html" not in accept


def _back(request: Request) -> str:
    """Where the reader came from on this site, else its front page."""
    _, _, address = request.headers.get("referer", "").partition("://")
    host, _, rest = address.partition("/")
    # What browsers pass over, and a second slash of either kind, would begin another host's name.
    path = "/" + rest.partition("?")[0].lstrip("/\\ \t")
    if host != request.headers.get("host") or path == request.url.path:
        return f"{request.scope.get('root_path', '')}/"
    return path
