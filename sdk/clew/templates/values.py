"""
What the values of a template are as text and as numbers.

Values are JSON's. One that cannot be printed is *missing*, and None here: nil, empty text, a
mapping, a list that holds any of these or another list, and whatever is beyond the bounds below.
Liquid would print nothing for some of these and the insides of the program for others; either
leaves a hole in a sentence.
"""

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["MAX_TEXT", "joined", "number_of", "scalar_text", "text_of", "whole_of"]

#: The longest text a value, a filter or a whole template may come to, in characters.
MAX_TEXT = 65_536
#: Numbers are missing from this magnitude on: arithmetic stays cheap, and no sentence needs them.
MAX_NUMBER = 2**63

_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")


def text_of(value: Any) -> str | None:
    """Return a value as text, or None when it is missing; a list's items follow each other."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_TEXT else None
    if isinstance(value, list | tuple):
        return joined(value, "")
    return scalar_text(value)


def scalar_text(value: Any) -> str | None:
    """Return text, a number or a boolean as text, or None when it is anything else."""
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_TEXT else None
    if isinstance(value, bool):
        return "true" if value else "false"
    number = number_of(value)
    return None if number is None else _number_text(number)


def joined(items: Iterable[Any], glue: str) -> str | None:
    """Join the items' texts, or return None when one is missing or the result is too long."""
    texts = []
    room = MAX_TEXT + len(glue)
    for item in items:
        text = scalar_text(item)
        if text is None:
            return None
        room -= len(text) + len(glue)
        if room < 0:
            return None
        texts.append(text)
    return glue.join(texts) or None


def number_of(value: Any) -> int | float | None:
    """
    Return a number, or text that is one, as a number; None when it is missing or too large.

    Liquid takes 0 for text that is no number. A made-up 0 in a price is a false statement, so here
    it is missing.
    """
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip())
        if match is None:
            return None
        value = float(match[0]) if match[1] else int(match[0])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if -MAX_NUMBER < value < MAX_NUMBER else None
    return None


def whole_of(value: Any) -> int | None:
    """Return a whole number, or text that is one, as an integer; None for anything else."""
    number = number_of(value)
    return number if isinstance(number, int) else None


def _number_text(number: float) -> str:
    """
    Print as Ruby, and so Liquid, does: 1, 1.5, 2.0, 1.0e-05.

    The base classes' own `__repr__` is called because subclasses print otherwise (numpy's float64).
    """
    if isinstance(number, int):
        return int.__repr__(number)
    text = float.__repr__(number)
    if "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text
