"""Where an axis of time has its marks, and what they say."""

import math
from datetime import UTC, datetime

from clew.clock import instant

__all__ = ["marks"]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

#: Distances between marks that people count in, in seconds.
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 4, 7, 14, 28, 56, 112, 182, 364)),
)


def marks(since: datetime, until: datetime, *, most: int) -> list[tuple[datetime, str]]:
    """
    Choose round instants between two others, in UTC; none where two lie closer than a second.

    Args:
        most: how many there may be, at least 1.

    >>> day = datetime(2026, 3, 1, tzinfo=UTC)
    >>> [text for _, text in marks(day, day.replace(day=9), most=5)]
    ['1 Mar', '3 Mar', '5 Mar', '7 Mar', '9 Mar']
    """
    begin, end = instant(since), instant(until)
    step = next((step for step in _STEPS if (end - begin) / step <= most - 1), None)
    if step is None:
        step = _DAY * math.ceil((end - begin) / _DAY / max(most - 1, 1))
    # Days and what is shorter fall on their own beginnings; what is longer begins with the axis.
    origin = begin - begin % min(step, _DAY)
    count = math.floor((end - origin) / step)
    instants = [datetime.fromtimestamp(origin + n * step, UTC) for n in range(count + 1)]
    return [(at, _said(at, step)) for at in instants if begin <= instant(at)]


def _said(at: datetime, step: int) -> str:
    if step >= _DAY:
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}" if step >= _MINUTE else f"{at:%H:%M:%S}"
