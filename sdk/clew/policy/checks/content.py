"""Content: each creative says, in each of its locales, what the fields of its slots take."""

from collections.abc import Iterator, Mapping
from typing import Any

from clew.clock import instant
from clew.engine.urls import is_safe
from clew.errors import Problem
from clew.model.policy import Field, Slot
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts
from clew.schema import nearest, pointer

__all__ = ["content"]

_TEXTS = frozenset({"text", "html", "url", "instant"})
_CLASSES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str,)),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


def content(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Find content that does not fit a slot it is for."""
    for at, creative in parts.creatives.items():
        slots = parts.slots_of(creative)
        for locale, values in creative.content.items():
            here = f"{at}{pointer(['content', locale])}"
            yield from _unknown(slots, values, here)
            for slot in slots:
                for name, field in slot.fields.items():
                    yield from _field(slot, name, field, values, here, compiled)


def _unknown(slots: list[Slot], values: Mapping[str, Any], here: str) -> Iterator[Problem]:
    """Find fields that no slot has; a slot that declares none takes all."""
    if not slots or not all(slot.fields for slot in slots):
        return
    known = sorted({name for slot in slots for name in slot.fields})
    for name in values:
        if name not in known:
            hint = nearest(name, known) or "; remove it, or declare it in the slot"
            message = f"no slot of the creative has the field `{name}`{hint}"
            yield Problem(f"{here}{pointer([name])}", "unknown_field", message)


def _field(
    slot: Slot,
    name: str,
    field: Field,
    values: Mapping[str, Any],
    here: str,
    compiled: Compiled,
) -> Iterator[Problem]:
    if name not in values:
        if field.required:
            message = f"`{slot.id}` needs the field `{name}`; write it in this locale"
            yield Problem(here, "missing_field", message)
        return
    place = f"{here}{pointer([name])}"
    template = compiled.templates.get(place)
    if template is not None and not template.is_static:
        if field.type not in _TEXTS:
            message = f"`{slot.id}` takes {field.type} here, and a template gives text"
            yield Problem(place, "field_type", message)
        return
    yield from _value(slot, field, values[name], place)


def _value(slot: Slot, field: Field, value: Any, place: str) -> Iterator[Problem]:
    if not _is(field.type, value):
        message = f"{value!r:.60} does not fit: `{slot.id}` takes {field.type} here"
        yield Problem(place, "field_type", message)
    elif field.enum is not None and value not in field.enum:
        choice = ", ".join(f"{one!r}" for one in field.enum)
        message = f"{value!r:.60} is none of what `{slot.id}` takes here: {choice}"
        yield Problem(place, "field_enum", message)
    elif field.max is not None and _size(value) > field.max:
        unit = " characters" if isinstance(value, str) else ""
        message = f"it is {_size(value):g}{unit}, `{slot.id}` takes {field.max:g} at most"
        yield Problem(place, "field_max", message)
    elif field.min is not None and not isinstance(value, str) and _size(value) < field.min:
        message = f"it is {value:g}, `{slot.id}` takes {field.min:g} at least"
        yield Problem(place, "field_min", message)


def _size(value: Any) -> float:
    """Measure a number by itself, and text in characters; the rest has no size."""
    if isinstance(value, str):
        return len(value)
    return value if isinstance(value, int | float) else 0


def _is(kind: str, value: Any) -> bool:
    fits: bool = isinstance(value, _CLASSES[kind])
    if isinstance(value, bool):
        return kind == "boolean"
    if fits and kind == "url":
        return is_safe(value)
    if fits and kind == "instant":
        return _is_instant(value)
    return fits


def _is_instant(value: str) -> bool:
    try:
        instant(value)
    except ValueError:
        return False
    return True
