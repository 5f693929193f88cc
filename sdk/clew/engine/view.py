"""What a rule sees of a person's traits: the permitted ones, each computed when it is asked for."""

from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any

from clew.engine.panes import State
from clew.engine.traits import CompiledTrait

__all__ = ["TraitView"]


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
        permitted: by name, the trait and its states of all identities of the person.
        now: the present, in seconds since the epoch.
        forbidden: names of the policy's other traits.
    """

    __slots__ = ("_forbidden", "_now", "_permitted", "withheld")

    def __init__(
        self,
        permitted: Mapping[str, tuple[CompiledTrait, Sequence[State]]],
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
        if name not in self:
            raise KeyError(name)
        trait, states = self._permitted[name]
        value = self[name] = trait.read(states, self._now)
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
