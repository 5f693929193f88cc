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
        _check_text("a slot", name)
    return names


def check_request(
    *,
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
    if context is not None:
        _check_mapping("context", context)
    if default is not None:
        _check_mapping("default", default)
    if subject is not None:
        _check_text("subject", subject)
    if request_id is not None:
        _check_text("request_id", request_id)
    if deadline_ms is not None and (
        isinstance(deadline_ms, bool) or not isinstance(deadline_ms, int | float)
    ):
        raise TypeError(f"deadline_ms is a number of milliseconds, not {deadline_ms!r}")
    if traffic not in _TRAFFIC:
        raise ValueError(f"traffic is one of {', '.join(_TRAFFIC)}, not {traffic!r}")


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, dict | Mapping):  # most are dicts, which is quickly seen
        raise TypeError(f"{name} is a mapping of names to values, not {value!r}")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is text, not {value!r}")
