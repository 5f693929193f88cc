"""From a decision's content to HTML."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeAlias

import nh3
from jinja2 import Environment

from clew import Decision

__all__ = ["Render", "fragments", "sanitised"]

#: Gives the HTML of a decision, plain or asynchronous; None keeps the page's own default.
Render: TypeAlias = Callable[[Decision], str | Awaitable[str | None] | None]


def fragments(environment: Environment, pattern: str = "slots/{slot}.html") -> Render:
    """
    Render each slot by a template of its own, which gets the fields of the content by name.

    Args:
        environment: with autoescaping, as every environment that writes HTML.
        pattern: the template's name; `{slot}` and `{creative}` stand for the decision's.
    """

    def render(decision: Decision) -> str:
        name = pattern.format(slot=decision.slot, creative=decision.creative)
        return environment.get_template(name).render({**decision.content, "decision": decision})

    return render


def sanitised(decision: Decision) -> str | None:
    """Render the field `html` of the content, without anything that could run."""
    html = decision.get("html")
    return _clean(html) if isinstance(html, str) else None


@lru_cache(maxsize=1_024)  # creatives are few, and cleaning one takes longer than deciding
def _clean(html: str) -> str:
    return nh3.clean(html)
