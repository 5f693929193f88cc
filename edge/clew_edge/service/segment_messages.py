"""
Messages of Segment's tracking API as facts of ours.

Source: Segment, "HTTP Tracking API" and "Spec: Common Fields"; RudderStack's clients speak the same
with small differences, and both are understood.

=========== ===================================================================================
message     facts
=========== ===================================================================================
track       a signal named by the event: `Order Completed` is `order_completed`, its properties
            are the data
page        a signal `page_viewed` on channel `web`: the properties, `name` and `category`
screen      a signal `screen_viewed` on channel `app`: as page
group       a signal `group_joined`: the traits and `group_id`
identify    a link of the anonymous id to the user id where both are given (RULES I1), and a signal
            `traits_set` of the traits where there are any
alias       a link of `previousId` to `userId`
=========== ===================================================================================

- `userId` is the subject, else `anonymousId`. With both, the anonymous id is kept beside.
- `messageId` is the id of every fact of the message, so a message that is sent again counts once.
- Fields that are not named here are ignored; of the context only the library, the session and the
  traits are read, so that neither addresses nor devices are kept.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clew.model.limits import ID_MAX
from clew_edge.service.segment_reader import Delivery, Item, Reader, fault

__all__ = ["KINDS", "signal_type", "translate"]

#: Where a word of a name in camel case ends: `OrderCompleted`, `viewURLOpened`.
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: What cannot be in a signal's name.
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]+")


def translate(message: Any, delivery: Delivery, position: int = 0) -> list[Item]:
    """
    Give the batch items that a message becomes: none where it says nothing that we keep.

    Args:
        message: decoded JSON.
        position: its place in the request.

    Raises:
        DocumentError: what is wrong with the message.
    """
    if not isinstance(message, Mapping):
        raise fault("", "type", "a message is an object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise fault("/type", "enum", f"the type of a message is one of {', '.join(KINDS)}")
    return list(KINDS[kind](Reader(message, delivery, position)))


def signal_type(event: str) -> str:
    """
    Write an event's name as we write the types of signals; empty where no letter is left.

    >>> signal_type("Order Completed"), signal_type("checkoutStarted"), signal_type("order.paid")
    ('order_completed', 'checkout_started', 'order.paid')
    """
    plain = unicodedata.normalize("NFKD", _WORD_END.sub("_", event.strip())).casefold()
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return _NOT_IN_NAMES.sub("_", letters).strip("_")


def _track(said: Reader) -> Iterator[Item]:
    event = said.text("event")
    if event is None:
        raise fault("/event", "required", "`event` is absent; name what happened")
    type = signal_type(event) if len(event) <= ID_MAX else event
    if len(type) > ID_MAX:  # a ligature is several letters
        message = f"`event` has more than {ID_MAX} letters, or its type has; name it shorter"
        raise fault("/event", "maxLength", message)
    if not type:
        raise fault("/event", "pattern", "`event` has no letter of a to z or digit to name it by")
    yield said.signal(type, said.fields("properties"))


def _page(said: Reader) -> Iterator[Item]:
    yield said.signal("page_viewed", _seen(said), "web")


def _screen(said: Reader) -> Iterator[Item]:
    yield said.signal("screen_viewed", _seen(said), "app")


def _seen(said: Reader) -> dict[str, Any]:
    named = {name: said.text(name) for name in ("name", "category")}
    return said.fields("properties") | {name: text for name, text in named.items() if text}


def _group(said: Reader) -> Iterator[Item]:
    yield said.signal(
        "group_joined", said.fields("traits") | {"group_id": said.required("groupId")}
    )


def _identify(said: Reader) -> Iterator[Item]:
    traits = said.traits()
    # Both are made before either is given: a message is taken whole or not at all.
    told = [said.signal("traits_set", traits)]
    if said.user is not None and said.anonymous not in {None, said.user}:
        yield said.link(str(said.anonymous), said.user)
    if traits:
        yield from told


def _alias(said: Reader) -> Iterator[Item]:
    yield said.link(said.required("previousId"), said.required("userId"))


#: By the type of a message, what makes facts of it.
KINDS: Mapping[str, Callable[[Reader], Iterator[Item]]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}
