"""
What a policy takes: types, parties and fields of signals (C03, C18, minimisation).

It is asked twice: when a signal is emitted, where the caller can still be told, and when it is
stored, whoever sent it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from clew.engine.compiled import CompiledPolicy
from clew.errors import Problem
from clew.model.policy import Field

__all__ = ["declared"]


def declared(
    policy: CompiledPolicy, type: str, party: str, data: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[Problem]]:
    """
    Hold a signal against what the policy declares.

    Returns:
        The data with the declared fields alone (minimised), and every fault.
    """
    problems = _envelope_problems(policy, type, party)
    return _minimised(policy, type, data, problems), problems


def _envelope_problems(policy: CompiledPolicy, type: str, party: str) -> list[Problem]:
    problems: list[Problem] = []
    if party not in policy.policy.parties:
        taken = ", ".join(policy.policy.parties)
        message = f"the policy does not take signals of party {party!r}; it takes: {taken}"
        problems.append(Problem("/party", "party", message))
    known = policy.known_signals
    if known is not None and type not in known:
        near = get_close_matches(type, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"the policy declares no signal {type!r}{hint}"
        problems.append(Problem("/type", "unknown_signal", message))
    return problems


def _minimised(
    policy: CompiledPolicy,
    type: str,
    data: Mapping[str, Any],
    problems: list[Problem],
) -> Mapping[str, Any]:
    """Keep the declared fields; note what is missing or does not fit."""
    known = policy.signal_types.get(type)
    if known is None or known.fields is None:
        return data
    kept: dict[str, Any] = {}
    for name, rule in known.fields.items():
        value = data.get(name)
        if value is None:
            if rule.required:
                message = f"{name!r} is required by the policy; give it"
                if name in data:  # as null, which JSON has in place of what is no number
                    message = f"{name!r} is required by the policy, but has no value (or NaN)"
                problems.append(Problem(f"/data/{name}", "required", message))
            continue
        fault = _misfit(rule, value)
        if fault is not None:
            problems.append(Problem(f"/data/{name}", fault[0], f"{name!r} is {fault[1]}"))
        kept[name] = value
    return kept


_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "html": (str,),
    "url": (str,),
    "instant": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "list": (list, tuple),
    "object": (dict, Mapping),
}


def _size(value: Any) -> tuple[float | None, str]:
    if isinstance(value, str):
        return len(value), " characters"
    return (value, "") if isinstance(value, int | float) else (None, "")


def _misfit(rule: Field, value: Any) -> tuple[str, str] | None:
    """Say how a value breaks its declaration: (keyword, words)."""
    if not isinstance(value, _TYPES[rule.type]) or (
        isinstance(value, bool) and rule.type != "boolean"
    ):
        return "type", f"of type {type(value).__name__}; it must be of type {rule.type}"
    size, unit = _size(value)
    if rule.max is not None and size is not None and size > rule.max:
        return "max", f"{size:g}{unit}; it must be at most {rule.max:g}"
    if rule.min is not None and size is not None and size < rule.min:
        return "min", f"{size:g}{unit}; it must be at least {rule.min:g}"
    if rule.enum is not None and value not in rule.enum:
        return "enum", f"none of {', '.join(map(repr, rule.enum))}"
    return None
