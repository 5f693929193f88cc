"""
What the page is told of its decisions, so that nothing in it decides again.

JSON in a script that is not executed, then the beacon as a file: both keep to a strict Content
Security Policy. They stand at the very end of the document, where browsers take them for the end of
its body (HTML, 13.2.6.4.19 "after after body").
"""

import re
from collections.abc import Mapping
from html import escape

import orjson

from clew.model.decision import Decision
from clew_edge.caching import Headers

__all__ = ["handover", "nonce_of"]

VERSION = 1

#: A nonce that the policy grants to scripts (CSP Level 3, 2.3.1).
_NONCE = re.compile(rb"'nonce-([A-Za-z0-9+/_-]+={0,2})'")

#: In JSON these are the same characters; in HTML they would end the script, or a line of it.
_HARMLESS = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def handover(
    decisions: Mapping[str, Decision], *, view: str, prefix: str, nonce: str | None
) -> bytes:
    """
    Write the end of a page.

    Args:
        decisions: by slot.
        view: the id of this showing of the page.
        prefix: where clew's own routes lie, `/_clew`.
        nonce: of the response's Content Security Policy.
    """
    state = {
        "v": VERSION,
        "view": view,
        "post": f"{prefix}/outcomes",
        "slots": {slot: _told(decision) for slot, decision in decisions.items()},
    }
    text = orjson.dumps(state, default=str)
    for character, harmless in _HARMLESS:
        text = text.replace(character, harmless)
    granted = "" if nonce is None else f' nonce="{escape(nonce)}"'
    source = escape(f"{prefix}/beacon.js")
    return (
        f'<script type="application/json" id="clew-state"{granted}>'.encode()
        + text
        + f'</script><script src="{source}" defer{granted}></script>'.encode()
    )


def nonce_of(headers: Headers) -> str | None:
    """Give the nonce that the response's policy grants to scripts."""
    for name, value in headers:
        if name.lower() == b"content-security-policy":
            found = _NONCE.search(value)
            if found is not None:
                return found.group(1).decode()
    return None


def _told(decision: Decision) -> dict[str, object]:
    return {
        "decision": decision.id,
        "creative": decision.creative,
        "reason": decision.reason,
        "token": decision.token,
        "content": dict(decision.content),
    }
