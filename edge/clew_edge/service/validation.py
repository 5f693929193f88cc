"""
The schemas as a fast judge: `jsonschema-rs` runs the same documents as `clew.schema`.

It says only yes or no. What it refuses goes to `clew.codec`, which keeps what a newer client wrote
(RULES F2) and has a sentence for every fault, so its price is paid where something is amiss.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator, Registry

from clew import schema

__all__ = ["is_shallow", "is_valid"]

#: Validates decoded JSON.
Judge = Callable[[Any], bool]


@cache
def judge(name: str) -> Judge:
    """Compile a schema; `name` may point into one: `batch#/$defs/batch_item`."""
    document, _, place = name.partition("#")
    documents = [schema.load(one) for one in schema.names()]
    return Draft202012Validator(
        {"$ref": f"urn:clew:{document}:1#{place}"},
        registry=Registry([(one["$id"], one) for one in documents]),
        validate_formats=True,
        formats={"date-time": _is_in_calendar},
        offline=True,
    ).is_valid


def is_valid(name: str, document: Any) -> bool:
    """Whether decoded JSON keeps the schema of that name."""
    return judge(name)(document)


@cache
def _depth_judge(depth: int) -> Judge:
    """A schema of so many levels, each of which holds the next; the last holds plain values."""
    levels: dict[str, Any] = {"0": {"not": {"type": ["array", "object"]}}}
    for level in range(1, depth + 1):
        inside = {"$ref": f"#/$defs/{level - 1}"}
        levels[str(level)] = {"additionalProperties": inside, "items": inside}
    return Draft202012Validator({"$ref": f"#/$defs/{depth}", "$defs": levels}).is_valid


def is_shallow(document: Any, depth: int) -> bool:
    """Whether JSON is nested at most so deep; a list of numbers is 1 deep."""
    return _depth_judge(depth)(document)


def _is_in_calendar(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
