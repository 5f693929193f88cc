"""What a program asks to have decided: misuse is told apart from what a visitor brought along."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from clew.model.words import Traffic

__all__ = ["check_request", "slot_names"]

_TRAFFIC = get_args(Traffic)


def slot_names(slots: Iterable[str]) -> tuple[str, ...]:
    """
    Give the slots that are asked for.

    Raises:
        TypeError: they are one text, whose letters would be slots, or not texts.
    """
    if isinstance(slots, str):
        raise TypeError(f"slots are a list: write [{slots!r}], not {slots!r}")
    names = tuple(slots)
    for name in names:
        if not isinstance(name, str):
            raise _not_text("a slot", name)
    return names


def check_request(
    subject: str | None,
    context: Mapping[str, Any] | None,
    default: Mapping[str, Any] | None,
    request_id: str | None,
    deadline_ms: float | None,
    traffic: str,
) -> None:
    """
    Refuse what no program means to ask.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: the traffic is of no known kind.
    """
    # Most mappings are dicts, which is quickly seen.
    if context is not None and not isinstance(context, dict | Mapping):
        raise _no_mapping("context", context)
    if default is not None and not isinstance(default, dict | Mapping):
        raise _no_mapping("default", default)
    if subject is not None and not isinstance(subject, str):
        raise _not_text("subject", subject)
    if request_id is not None and not isinstance(request_id, str):
        raise _not_text("request_id", request_id)
    if deadline_ms is not None and (
        isinstance(deadline_ms, bool) or not isinstance(deadline_ms, int | float)
    ):
        raise TypeError(f"deadline_ms is a number of milliseconds, not {deadline_ms!r}")
    if traffic not in _TRAFFIC:
        raise ValueError(f"traffic is one of {', '.join(_TRAFFIC)}, not {traffic!r}")


def _no_mapping(name: str, value: object) -> TypeError:
    return TypeError(f"{name} is a mapping of names to values, not {value!r}")


def _not_text(name: str, value: object) -> TypeError:
    return TypeError(f"{name} is text, not {value!r}")
