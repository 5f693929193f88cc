"""
What the page is told of its decisions, so that nothing in it decides again.

JSON in a script that is not executed, then the beacon as a file: both keep to a strict Content
Security Policy. They stand at the very end of the document, where browsers take them for the end of
its body (HTML, 13.2.6.4.19 "after after body").
"""

import json
import re
from collections.abc import Mapping
from html import escape

from clew.model.decision import Decision
from clew_edge.caching import Headers

__all__ = ["handover", "nonce_of"]

VERSION = 1

#: What rules scripts in a policy, the most special first (CSP Level 3, 6.8.1).
_DIRECTIVES = ("script-src-elem", "script-src", "default-src")
#: A nonce that a directive grants (CSP Level 3, 2.3.1).
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'")

#: In JSON these are the same characters; in HTML they would end the script.
_HARMLESS = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))


def handover(
    decisions: Mapping[str, Decision], *, view: str, prefix: str, nonce: str | None
) -> bytes:
    """
    Write the end of a page.

    Args:
        decisions: by slot.
        view: the id of this showing of the page.
        prefix: where clew's own routes lie, `/_clew`, as an address has it.
        nonce: of the response's Content Security Policy.
    """
    state = {
        "v": VERSION,
        "view": view,
        "post": f"{prefix}/outcomes",
        "slots": {slot: _told(decision) for slot, decision in decisions.items()},
    }
    text = json.dumps(state, default=str, separators=(",", ":"))
    for character, harmless in _HARMLESS:
        text = text.replace(character, harmless)
    granted = "" if nonce is None else f' nonce="{escape(nonce)}"'
    source = escape(f"{prefix}/beacon.js")
    # ASCII alone, so it is the same in whatever encoding the page is written.
    return (
        f'<script type="application/json" id="clew-state"{granted}>{text}</script>'
        f'<script src="{source}" defer{granted}></script>'
    ).encode("ascii")


def nonce_of(headers: Headers) -> str | None:
    """Give the nonce that the response's policy grants to scripts."""
    for name, value in headers:
        if name.lower() == b"content-security-policy":
            found = _NONCE.search(_for_scripts(value.decode("latin-1")))
            if found is not None:
                return found.group(1)
    return None


def _for_scripts(policy: str) -> str:
    """Give the sources of the directive that rules scripts; of several of one name, the first."""
    sources: dict[str, str] = {}
    for directive in policy.split(";"):
        name, _, rest = directive.strip().partition(" ")
        sources.setdefault(name.lower(), rest)
    return next((sources[name] for name in _DIRECTIVES if name in sources), "")


def _told(decision: Decision) -> dict[str, object]:
    return {
        "decision": decision.id,
        "creative": decision.creative,
        "reason": decision.reason,
        "token": decision.token,
        "content": dict(decision.content),
    }
