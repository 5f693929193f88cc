"""What a rule sees of a person's traits: the permitted ones, each computed when it is asked for."""

from collections.abc import (
    Callable,
    Collection,
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    ValuesView,
)
from typing import Any, TypeAlias

__all__ = ["MergedView", "Reader", "TraitView"]

#: Gives a trait's value at an instant.
Reader: TypeAlias = Callable[[float], Any]


class TraitView(dict[str, Any]):
    """
    The traits of one kind by name, read at `now` on first use and remembered.

    The keys are the permitted traits, whether or not there is a value (it is None then). Of a trait
    that is not permitted the view holds the name alone, never a state: asking for it finds nothing
    and is noted in `withheld`.

    Subscribing and `get` compute one trait; `in`, `len`, `keys` and iterating names compute none;
    `values`, `items` and `dict(view)` compute all. What looks past these methods at the dict
    beneath (`==`, a JSON encoder written in C) sees only what was used: give it `dict(view)`.

    Args:
        permitted: by name, what reads the value at an instant.
        now: the present, in seconds since the epoch.
        forbidden: names of the policy's other traits.
    """

    __slots__ = ("_forbidden", "_now", "_permitted", "withheld")

    def __init__(
        self,
        permitted: Mapping[str, Reader],
        now: float,
        forbidden: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._permitted = permitted
        self._now = now
        self._forbidden = forbidden
        #: Names that were asked for and not permitted.
        self.withheld: set[str] = set()

    @property
    def used(self) -> dict[str, Any]:
        """What was read so far, with its value."""
        return {name: dict.__getitem__(self, name) for name in dict.__iter__(self)}

    def __missing__(self, name: str) -> Any:
        read = self._permitted.get(name)
        if read is None:
            if name in self._forbidden:
                self.withheld.add(name)
            raise KeyError(name)
        value = self[name] = read(self._now)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a permitted trait, else the default."""
        if name not in self:
            return default
        return self[name]

    def __contains__(self, name: object) -> bool:
        if name in self._permitted:
            return True
        if name in self._forbidden:
            self.withheld.add(str(name))
        return False

    def __len__(self) -> int:
        return len(self._permitted)

    def __iter__(self) -> Iterator[str]:
        return iter(self._permitted)

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        """The names of the permitted traits."""
        return KeysView(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """The values of all permitted traits."""
        return ValuesView(self)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        """All permitted traits with their values."""
        return ItemsView(self)


class MergedView(dict[str, Any]):
    """
    All kinds of traits under one name each; of several that have a value the first wins.

    Args:
        views: by kind, in the order in which they win.
    """

    __slots__ = ("_views",)

    def __init__(self, views: Mapping[str, TraitView]) -> None:
        super().__init__()
        self._views = views

    def looked_at(self) -> tuple[dict[str, Any], list[str]]:
        """What was read of all kinds so far, by path, and the paths that were withheld."""
        found: dict[str, Any] = {}
        withheld: list[str] = []
        for kind, traits in self._views.items():
            for name, value in dict.items(traits):
                found[f"{kind}.{name}"] = value
            if traits.withheld:
                withheld += [f"{kind}.{name}" for name in sorted(traits.withheld)]
        return found, withheld

    def __missing__(self, name: str) -> Any:
        found = False
        for view in self._views.values():
            if name in view:
                found = True
                value = view[name]
                if value is not None:
                    return value
        if found:
            return None
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The first value among the kinds, else the default."""
        try:
            return self[name]
        except KeyError:
            return default
