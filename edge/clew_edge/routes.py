"""Which paths have slots, and which slots they have."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import TypeAlias

from clew.errors import ConfigurationError

__all__ = ["Routes", "RoutesOption"]

#: Path patterns, with the names of their slots or without; None is every page.
RoutesOption: TypeAlias = Mapping[str, Iterable[str]] | Iterable[str] | None


class Routes:
    """
    Path patterns (`*` is any text) and the slots declared for them.

    Raises:
        ConfigurationError: a pattern does not begin with `/` or `*`.
    """

    def __init__(self, routes: RoutesOption) -> None:
        #: Whether slots may stand on any page.
        self.everywhere = routes is None
        if isinstance(routes, str):
            raise ConfigurationError(f"routes: {routes!r} is one path; write [{routes!r}]")
        given = dict(routes) if isinstance(routes, Mapping) else dict.fromkeys(routes or (), ())
        declared = {pattern: _declared(pattern, slots) for pattern, slots in given.items()}
        self._patterns = [
            (re.compile(translate(pattern)).match, names) for pattern, names in declared.items()
        ]

    def slots(self, path: str) -> tuple[str, ...] | None:
        """
        Give the slots that are declared for a path; None when it has no slots.

        An empty tuple says that its slots are found as the page goes by.
        """
        found = [slots for match, slots in self._patterns if match(path)]
        if not found:
            return () if self.everywhere else None
        return tuple(dict.fromkeys(name for slots in found for name in slots))


def _declared(pattern: object, slots: object) -> tuple[str, ...]:
    is_path = isinstance(pattern, str) and pattern.startswith(("/", "*"))
    names = tuple(slots) if isinstance(slots, Iterable) and not isinstance(slots, str) else None
    if not is_path or names is None or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(
            f"routes: {pattern!r}: {slots!r} is not a path pattern with a list of slots; "
            'write {"/": ["home_hero"], "/pizza/*": ["upsell"]}'
        )
    return names
