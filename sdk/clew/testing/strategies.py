"""
Hypothesis strategies for every value of `clew.model`, valid under its schema.

They are built from the annotations and validators of the class. Instants are whole microseconds
between 2000 and 2100, numbers are finite, and whole numbers are those that every JSON reader holds
exactly. The parts of a policy are well formed but do not fit together.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from clew.clock import to_text
from clew.model import policy
from clew.model.batch import BatchItem
from clew.model.keys import KeyEntry
from clew.model.outcome import Outcome

__all__ = ["identifiers", "instants", "json_values", "names", "values"]

T = TypeVar("T")

#: Tells whether a field takes all of some values.
Takes = Callable[..., bool]

#: The largest whole number up to which a double holds all, RFC 8259 section 6.
WHOLE = 2**53 - 1

#: What only a field that takes names, or any text, takes.
NAMES = ("A", "a.-_1")

_SCOPES = ("append", "append:parcel_", "decide", "measure", "subjects", "admin")

#: How many entries a list or an object has at most.
FEW = 2


def identifiers() -> SearchStrategy[str]:
    """Give ids: any text of 1 to 128 characters."""
    return st.text(min_size=1, max_size=128)


def names() -> SearchStrategy[str]:
    """Give names as a policy spells them."""
    return st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,15}", fullmatch=True)


def instants() -> SearchStrategy[datetime]:
    """Give aware instants in UTC."""
    first, last = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - zones are given apart
    return st.datetimes(first, last, timezones=st.just(UTC))


def json_values() -> SearchStrategy[Any]:
    """Give JSON values of few leaves."""
    whole = st.integers(-WHOLE, WHOLE)
    fractions = st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | whole | fractions | st.text(max_size=8)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=FEW) | _objects(inner), max_leaves=4
    )


@cache
def values(cls: type[T]) -> SearchStrategy[T]:
    """Give values of one class of `clew.model`."""
    if cls is BatchItem:
        kinds = {one.name: _alternatives(one.type)[0] for one in attrs.fields(BatchItem)}
        return st.one_of([st.builds(cls, **{name: values(one)}) for name, one in kinds.items()])
    built = st.builds(cls, **{one.alias: _field(cls, one) for one in attrs.fields(cls)})  # type: ignore[arg-type]
    fits = _FITS.get(cls)
    return built.filter(fits) if fits else built


#: What fields ask of each other.
_FITS: Mapping[type, Callable[[Any], bool]] = {
    Outcome: lambda one: any(
        name is not None for name in (one.decision, one.token, one.request_id)
    ),
    policy.Slot: lambda one: one.sticky != "seconds" or one.sticky_seconds is not None,
}


def _field(cls: type, attribute: "attrs.Attribute[Any]") -> SearchStrategy[Any]:
    in_policy = cls.__module__ == policy.__name__
    if in_policy and attribute.name in {"starts_at", "ends_at"}:
        return st.none() | instants().map(lambda at: to_text(at.timestamp()))
    if cls is KeyEntry and attribute.name == "scopes":
        return st.lists(st.sampled_from(_SCOPES), min_size=1, max_size=FEW).map(tuple)

    def takes(*probes: Any) -> bool:
        """Whether the field's validator takes all of these."""
        try:
            for probe in probes if attribute.validator else ():
                attribute.validator(None, attribute, probe)  # type: ignore[misc]
        except (TypeError, ValueError):
            return False
        return True

    if in_policy and str in _alternatives(attribute.type) and not attribute.validator:
        return _kind(attribute.type, _names_only)
    return _kind(attribute.type, takes)


def _alternatives(kind: Any) -> list[Any]:
    """Give what a field may hold; not the function that would compute it."""
    options = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    return [one for one in options if get_origin(one) is not Callable]


def _kind(kind: Any, takes: Takes) -> SearchStrategy[Any]:
    """Give values of an annotation that the field takes."""
    match _alternatives(kind):
        case [only] if only in _RANGES:
            return st.one_of([made for probes, made in _RANGES[only] if takes(*probes)])
        case [only] if attrs.has(only):
            return values(only)
        case [only] if get_origin(only) is Literal:
            return st.sampled_from(get_args(only))
        case [only] if get_origin(only) is tuple:
            entry = get_args(only)[0]
            entries = names() if entry is str else _kind(entry, _anything)
            return st.lists(entries, min_size=0 if takes(()) else 1, max_size=FEW).map(tuple)
        case [only] if get_origin(only) is Mapping:
            entry = get_args(only)[1]
            return _objects(st.floats(0, 1) if entry is float else _kind(entry, _anything))
        case several:
            return st.one_of([_kind(one, takes) for one in several])


def _anything(*_: Any) -> bool:
    return True


def _names_only(*probes: Any) -> bool:
    """Take what is spelled as the references within a policy are."""
    return probes in {(), NAMES}


def _objects(inner: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.text(max_size=8), inner, max_size=FEW)


#: For each scalar: strategies, each with the values that a field must take to be given it.
_RANGES: Mapping[Any, tuple[tuple[tuple[Any, ...], SearchStrategy[Any]], ...]] = {
    Any: (((), json_values().filter(lambda one: one is not None)),),
    NoneType: (((), st.none()),),
    bool: (((), st.booleans()),),
    datetime: (((), instants()),),
    float: (
        ((0, 1), st.floats(0, 1)),
        ((1e-6, 1e9), st.floats(1e-6, 1e9)),
        ((-1e9, 1e9), st.floats(allow_nan=False, allow_infinity=False)),
    ),
    int: (
        ((1, 50), st.integers(1, 50)),
        ((100, 599), st.integers(100, 599)),
        ((-WHOLE, WHOLE), st.integers(-WHOLE, WHOLE)),
    ),
    str: (
        (NAMES, names()),
        ((f"sha256:{'0' * 64}",), st.from_regex("sha256:[0-9a-f]{64}", fullmatch=True)),
        (("EUR",), st.from_regex(r"[A-Z]{3}", fullmatch=True)),
        (("A", "\n", "é" * 128), identifiers()),
    ),
}
