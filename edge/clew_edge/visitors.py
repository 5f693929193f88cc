"""
Who asks: the visitor of a request, from the cookie and from what the application tells.

Everything here is read from the request when somebody first asks for the visitor, so that a style
sheet costs nothing; only callables of the application that must be awaited are awaited before.
"""

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, get_args
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import Scope

from clew import AsyncClient, AsyncVisitor
from clew.model.words import Traffic
from clew_edge.identity import Cookie

__all__ = ["Hook", "Resolved", "Visitors"]

logger = logging.getLogger("clew.edge")

#: A question to the application about a request; plain or asynchronous.
Hook: TypeAlias = Callable[[HTTPConnection], Any] | Callable[[HTTPConnection], Awaitable[Any]]

#: What the asynchronous hooks answered, by name.
Resolved: TypeAlias = Mapping[str, Any]

_NOTHING: Resolved = {}

#: Programs that say so. They get what a new visitor gets and are not counted (RULES F3); nothing
#: that is shown depends on it.
_BOT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|facebookexternalhit|preview|monitor|lighthouse|headlesschrome"
    r"|python-requests|python-httpx|curl/|wget/",
    re.IGNORECASE,
)
#: As many parts as tags of languages in use have; who asks does not fill our records.
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4})")

#: What each hook answers. Of anything else the text may be the same for two people: `str` of an
#: object, of a truth, of a coroutine that nobody awaited.
_ANSWERS: Mapping[str, tuple[type, ...]] = {
    "subject": (str, int, UUID),
    "context": (Mapping,),
    "traffic": (str,),
}


class Visitors:
    """
    Makes visitors.

    Args:
        hooks: `subject`, `context` and `traffic`, where the application gave them.
    """

    def __init__(self, client: AsyncClient, hooks: Mapping[str, Hook]) -> None:
        self._client = client
        self._hooks = hooks
        self._awaited = [name for name, hook in hooks.items() if _is_async(hook)]
        self._failed: set[str] = set()

    async def resolve(self, scope: Scope) -> Resolved:
        """Ask the hooks that must be awaited."""
        if not self._awaited:
            return _NOTHING
        connection = HTTPConnection(scope)
        return {name: await self._answer(name, connection) for name in self._awaited}

    def known_subject(self, connection: HTTPConnection, resolved: Resolved) -> str | None:
        """Give the subject by the application's own account."""
        found = self._ask("subject", connection, resolved)
        return None if found is None else str(found)

    def make(
        self,
        connection: HTTPConnection,
        resolved: Resolved,
        *,
        known: str | None,
        anonymous: str | None,
        view: str,
    ) -> AsyncVisitor:
        """
        Make the visitor of a request.

        Args:
            known: by the application's own account.
            anonymous: by our cookie.
            view: the id of this showing of a page.
        """
        headers = connection.headers
        traffic = self._ask("traffic", connection, resolved) or _traffic(headers)
        if traffic == "bot":
            known = anonymous = None
        told = self._ask("context", connection, resolved)
        context: dict[str, Any] = {"channel": "web", "view_id": view}
        language = _LANGUAGE.match(headers.get("accept-language", ""))
        if language is not None:
            context["locale"] = language.group(1)
        context |= told or {}
        return self._client.visitor(
            known or anonymous,
            anonymous_subject=anonymous if known else None,
            channel=context["channel"],
            context=context,
            traffic=traffic,
        )

    def _ask(self, name: str, connection: HTTPConnection, resolved: Resolved) -> Any:
        if name in resolved or name not in self._hooks:
            return resolved.get(name)
        try:
            return _checked(name, self._hooks[name](connection))
        except Exception as error:  # noqa: BLE001 - the page must be served
            return self._say(name, error)

    async def _answer(self, name: str, connection: HTTPConnection) -> Any:
        try:
            return _checked(name, await self._hooks[name](connection))
        except Exception as error:  # noqa: BLE001 - the page must be served
            return self._say(name, error)

    def _say(self, name: str, error: Exception) -> None:
        if name not in self._failed:
            self._failed.add(name)
            logger.error(
                "the middleware's %s= failed, so pages go on without it: %r (said once)",
                name,
                error,
                exc_info=error,
            )


def cookie_of(connection: HTTPConnection, cookie: Cookie | None) -> str | None:
    """Give the anonymous id that the browser brought and we once signed."""
    return None if cookie is None else cookie.read(connection.cookies.get(cookie.name))


def _traffic(headers: Mapping[str, str]) -> Traffic:
    return "bot" if _BOT.search(headers.get("user-agent", "")) else "human"


def _checked(name: str, answer: Any) -> Any:
    """
    Give a hook's answer; what is false is none.

    Raises:
        TypeError: it cannot be an answer.
        ValueError: it is a word for traffic that there is not.
    """
    if not answer:
        return None
    if name == "traffic" and isinstance(answer, str) and answer not in get_args(Traffic):
        raise ValueError(f"traffic= gave {answer!r}; it gives {', '.join(get_args(Traffic))}")
    if isinstance(answer, _ANSWERS[name]) and answer is not True:
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError(f"{name}= gave a coroutine; define it with `async def`, so it is awaited")
    wanted = ", ".join(each.__name__ for each in _ANSWERS[name])
    raise TypeError(f"{name}= gave {type(answer).__name__}; it gives {wanted} or None")


def _is_async(hook: Hook) -> bool:
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(
        getattr(hook, "__call__", None)  # noqa: B004 - an object with an async __call__
    )
