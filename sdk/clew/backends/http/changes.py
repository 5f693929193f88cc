"""What consents and identities do to the decisions that are kept (RULES D4)."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

import orjson

from clew.cache import DecisionCache

__all__ = ["changes_of"]

Change: TypeAlias = Callable[[DecisionCache], None]


def changes_of(
    items: Iterable[bytes],
) -> Iterator[tuple[Change, Change]]:
    """
    What consents and identities do to what is kept, before and after they are stored.

    Both: what is asked for before they are stored is decided without them.
    """
    for item in items:
        if not item.startswith((b'{"consent"', b'{"identity"')):
            continue
        kind, fact = next(iter(orjson.loads(item).items()))
        subject, anonymous = fact["subject"], fact.get("anonymous_subject")
        if kind == "consent":
            drop = partial(DecisionCache.drop, subject=subject)
            yield drop, drop
        else:
            unlink = partial(DecisionCache.unlink, anonymous=anonymous, subject=subject)
            is_link = fact["operation"] == "link"
            link = partial(DecisionCache.link, anonymous=anonymous, subject=subject)
            yield unlink, link if is_link else unlink
