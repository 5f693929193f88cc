"""What answers at a server's address, before anything of clew is taken for granted."""

from typing import Any

import httpx
import orjson

from clew.backends.http.address import Address

__all__ = ["readiness", "stranger", "takes_facts", "tells_no_policy"]

#: How long an answer is waited for, in seconds.
ANSWER_SECONDS = 10.0

_APPEND = "/clew/v1/append"
_POLICY = "/clew/v1/policy"
_READY = "/readyz"
_OK, _FORBIDDEN, _NOT_FOUND, _UNAVAILABLE = 200, 403, 404, 503


def stranger(address: Address) -> str | None:
    """
    Say what is wrong with a server that does not tell its policy; None if it is one of clew's.

    Whatever serves files answers 404 as well; clew's servers say why, in a document of their own.

    Raises:
        httpx.HTTPError: there is no answer.
    """
    answer = _ask(address, _POLICY)
    kind = _problem(answer).get("type")
    if answer.status_code != _NOT_FOUND:  # what is wrong otherwise, the answer says
        return None
    if not isinstance(kind, str) or not kind.startswith("urn:clew:problem:"):
        return (
            f"{address.base} is no clew server: it answers {answer.status_code} for {_POLICY}, "
            "with no word of clew's; name the address of `clew serve`, and the path that a proxy "
            "puts before it, if one does"
        )
    if kind == "urn:clew:problem:route":
        return (
            f"{address.base} has no {_POLICY}, though a clew server answers there: leave the path "
            f"{address.prefix or '/'} out of the URL, or have the proxy take it away"
        )
    return None


def tells_no_policy(address: Address) -> bool:
    """
    Whether a server knows the key and tells it no policy, as a partner's, which writes alone.

    Raises:
        httpx.HTTPError: there is no answer.
    """
    answer = _ask(address, _POLICY)
    kind = _problem(answer).get("type")
    return answer.status_code == _FORBIDDEN and kind == "urn:clew:problem:scope"


def takes_facts(address: Address) -> bool:
    """
    Whether a server takes facts from the key; nothing is sent to see it.

    Raises:
        httpx.HTTPError: there is no answer.
    """
    where = f"{address.base}{_APPEND}"
    # No server takes a batch of nothing, but whose key may not even ask is told that first.
    nothing: dict[str, Any] = {"items": []}
    answer = httpx.post(where, json=nothing, headers=address.headers, timeout=ANSWER_SECONDS)
    return answer.status_code != _FORBIDDEN


def readiness(address: Address) -> tuple[bool | str, str | None]:
    """
    Give whether a server says it is ready, or why that is not known; and what is wrong.

    Raises:
        httpx.HTTPError: there is no answer.
    """
    answer = _ask(address, _READY)
    if answer.status_code == _OK:
        return True, None
    if answer.status_code == _UNAVAILABLE:
        why = _problem(answer).get("detail") or "it does not say why"
        return False, f"{address.base} is not ready ({_READY} says {_UNAVAILABLE}): {why}"
    return f"not told ({_READY} answers {answer.status_code})", None


def _ask(address: Address, path: str) -> httpx.Response:
    return httpx.get(f"{address.base}{path}", headers=address.headers, timeout=ANSWER_SECONDS)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of a refusal (RFC 9457); empty where it is none."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
