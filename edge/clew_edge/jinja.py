"""
The template tag: `{% slot "home_hero" as hero %}<h1>{{ hero.headline }}</h1>{% endslot %}`.

Its body is rendered once with empty content, which is what the page shows by itself, and once more
with the content of the decision when the page goes out. So a slot has one markup, escaped by Jinja,
and the page never waits for a decision while it renders. The default goes between two comments that
hold a nonce of this response: no text of a visitor can claim a slot.
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateRuntimeError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from markupsafe import Markup

from clew.once import Once
from clew_edge.markup.slots import SLOT_NAME
from clew_edge.page import Page

__all__ = ["SlotExtension"]

logger = logging.getLogger("clew.edge")

_once = Once()

_NAME = re.compile(SLOT_NAME.pattern.decode())


class SlotExtension(Extension):
    """
    Adds `slot` to Jinja2: `Environment(extensions=[SlotExtension])`.

    The template needs the `request` in its context, as Starlette's and Django's have. Without the
    middleware, or outside of a request, the slot shows its default.

    What is rendered later sees the template's variables as they are at its end: a slot inside a
    loop must not use the loop's variable.
    """

    tags = {"slot"}  # noqa: RUF012 - as Jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """Turn the tag into a call of `place` with its body as the caller."""
        line = next(parser.stream).lineno
        name = parser.parse_expression()
        content = "content"
        if parser.stream.skip_if("name:as"):
            content = parser.parse_assign_target(name_only=True).name
        body = parser.parse_statements(("name:endslot",), drop_needle=True)
        place = self.call_method("_place", [nodes.ContextReference(), name])
        return nodes.CallBlock(place, [nodes.Name(content, "param")], [], body).set_lineno(line)

    def _place(
        self, context: Context, name: object, caller: Callable[[Mapping[str, Any]], Any]
    ) -> Any:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TemplateRuntimeError(
                f"{name!r} is no name of a slot: it is text of letters, digits and `_.-` that "
                'begins with a letter, in quotes, {% slot "hero" as hero %}'
            )
        if "request" not in context and _once.is_news("no request", name):
            logger.warning(
                "slot %r was rendered without a request, so it keeps its default; pass "
                "request=request to the template (said once per slot)",
                name,
            )
        page = _page(context)
        if self.environment.is_async:
            return self._placed_later(page, name, caller)
        return _placed(page, name, caller, caller({}))

    async def _placed_later(
        self, page: Page | None, name: str, caller: Callable[[Mapping[str, Any]], Any]
    ) -> Any:
        return _placed(page, name, caller, await caller({}))


def _placed(page: Page | None, name: str, body: Callable[..., Any], default: str) -> Any:
    if page is None:
        return default
    return Markup(page.place(name, default, body))  # noqa: S704 - the default is the template's


def _page(context: Context) -> Page | None:
    scope = getattr(context.get("request"), "scope", None)
    page = scope.get("clew") if isinstance(scope, Mapping) else None
    return page if isinstance(page, Page) else None
