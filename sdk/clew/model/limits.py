"""Bounds that schemas, models and hot paths share."""

from itertools import chain
from typing import Any

from attrs import Attribute, validators

__all__ = [
    "DATA_DEPTH_MAX",
    "ID_MAX",
    "NAME",
    "identifier",
    "is_deep",
    "name",
    "not_empty",
    "optional_identifier",
    "optional_positive",
    "optional_share",
    "positive",
    "share",
]

#: Longest identifier (subject, signal id, slot …), in characters.
ID_MAX = 128

#: How deep the data of a signal may be nested: what a server's bound on the whole of a body, 32,
#: leaves for it in a batch.
DATA_DEPTH_MAX = 28

#: Names of types, slots, traits, segments: letters, digits and `_ . -`, beginning with a letter.
NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,127}"


def is_deep(value: Any, depth: int) -> bool:
    """Whether objects and lists of a JSON value are nested deeper; `[[]]` is nested 2 deep."""
    holders = [value] if isinstance(value, dict | list) else []
    for _ in range(depth):
        held = chain.from_iterable(
            one.values() if isinstance(one, dict) else one for one in holders
        )
        holders = [one for one in held if isinstance(one, dict | list)]
    return bool(holders)


def identifier(_instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Refuse what is no text of 1 to 128 characters; in one step, as decisions have many ids."""
    if not isinstance(value, str) or not 1 <= len(value) <= ID_MAX:
        raise ValueError(f"{attribute.name} is text of 1 to {ID_MAX} characters, not {value!r}")


def share(_instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Refuse what is not in [0, 1]; in one step, as every decision has some."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{attribute.name} is a share in [0, 1], not {value!r}")


def optional_share(instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """As `share`, where there may be none."""
    if value is not None:
        share(instance, attribute, value)


def optional_identifier(instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """As `identifier`, where there may be none: most ids of a request are not given."""
    if value is not None and not (isinstance(value, str) and 1 <= len(value) <= ID_MAX):
        identifier(instance, attribute, value)


def not_empty(_instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Refuse a list without entries."""
    if not value:
        raise ValueError(f"{attribute.name} names at least one; it is empty")


def optional_positive(_instance: object, attribute: "Attribute[Any]", value: Any) -> None:
    """Refuse a number that is not above 0, where there may be none."""
    if value is not None and not value > 0.0:
        raise ValueError(f"{attribute.name} is above 0, not {value!r}")


name = validators.matches_re(NAME)
positive = validators.gt(0.0)
