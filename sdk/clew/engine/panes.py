"""
Windows: a ring of at most 64 panes per identity, anchored in absolute time.

A pane is a 63rd of the window, and the pane of an instant is `floor(at / pane)`, whoever folds it
and whenever. The present pane and the 63 before it reach back over the whole window and less than
one pane more: nothing inside (now - window, now] is missed, and what is older by up to one pane may
still count.

- A late signal lands in its pane. A pane 64 or more before the newest is dropped.
- A signal dated after `now` counts at once: a device's clock runs ahead, and its owner's own act
  must be seen. Whoever takes signals in bounds how far ahead they may be dated.
- The state is the same after every order of the same signals, as `now` is never asked for.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from clew.engine.aggregates import Aggregate, Partial, combine
from clew.engine.extract import Wire

__all__ = ["PANES", "Fold", "Read", "State", "folding", "pane_seconds", "panes"]

#: What a trait remembers of one identity: a JSON value, None before the first signal.
State: TypeAlias = Any
#: Takes one signal into a state; may change the state it is given, and gives the new one.
Fold: TypeAlias = Callable[[State, float, Wire], State]
#: The value over the states of all identities of a person.
Read: TypeAlias = Callable[[Sequence[State], float], Any]

PANES = 64

_index = itemgetter(0)


def folding(aggregate: Aggregate) -> tuple[Fold, Read]:
    """Fold into one partial, without panes; the state is the partial."""
    lift, merge, read_one = aggregate.lift, aggregate.merge, aggregate.read

    def fold(state: State, at: float, signal: Wire) -> State:
        one = lift(at, signal)
        if one is None:
            return state
        return one if state is None else merge(state, one)

    def read(states: Sequence[State], now: float) -> Any:
        if len(states) == 1 and states[0] is not None:
            return read_one(states[0], now)
        return combine(aggregate, [state for state in states if state is not None], now)

    return fold, read


def pane_seconds(window_seconds: float) -> float:
    """How long a pane of a window is."""
    return window_seconds / (PANES - 1)


def panes(aggregate: Aggregate, window_seconds: float) -> tuple[Fold, Read]:
    """Fold into panes; the state is `[[pane, partial], …]` in the order of time."""
    lift, merge = aggregate.lift, aggregate.merge
    width = pane_seconds(window_seconds)

    def fold(state: State, at: float, signal: Wire) -> State:
        one = lift(at, signal)
        if one is None:
            return state
        pane = int(at // width)
        if state is None:
            return [[pane, one]]
        newest = state[-1]
        if newest[0] == pane:
            newest[1] = merge(newest[1], one)
        else:
            _place(state, pane, one, merge)
        return state

    def read(states: Sequence[State], now: float) -> Any:
        oldest = int(now // width) - PANES + 1
        inside = [partial for state in states if state for _, partial in _since(state, oldest)]
        return combine(aggregate, inside, now)

    return fold, read


def _place(
    state: list[Any], pane: int, one: Partial, merge: Callable[[Partial, Partial], Partial]
) -> None:
    """Take one partial into its pane, and drop the panes that are too old then."""
    place = bisect_left(state, pane, key=_index)
    if place < len(state) and state[place][0] == pane:
        state[place][1] = merge(state[place][1], one)
        return
    state.insert(place, [pane, one])
    state[:] = _since(state, state[-1][0] - PANES + 1)


def _since(state: list[Any], oldest: int) -> list[Any]:
    """The panes that are not older, in the order of time."""
    return state if state[0][0] >= oldest else state[bisect_left(state, oldest, key=_index) :]
