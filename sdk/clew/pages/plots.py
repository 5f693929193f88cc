"""What the pictures of a measurement show; every point of them is a row of a table beside."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from clew.model.measurement import Look
from clew.pages.drawing import SERIES, Drawing, colour
from clew.pages.needs import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["fallback", "lift", "people", "shares"]

_NOTHING = math.nan
#: Of an area that is not the subject itself.
_FAINT = 0.18
#: Of the time about which nothing may be said.
_SILENT = 0.5
_LINE = 2.0
_POINT = 3.0


def lift(looks: Sequence[Look]) -> Drawing:
    """Draw the lift against zero, its interval as a band; nothing where there is no interval."""
    effects = [look.absolute for look in looks]
    estimates = [_NOTHING if one is None else one.estimate for one in effects]
    lower = [_NOTHING if one is None else one.lower for one in effects]
    upper = [_NOTHING if one is None else one.upper for one in effects]

    def drawing(axes: "Axes") -> None:
        times = _numbers([look.as_of for look in looks])
        accent = colour("accent")
        for begin, end in _silences(looks):
            axes.axvspan(begin, end, color=colour("rule"), alpha=_SILENT, linewidth=0.0)
        axes.axhline(0.0, color=colour("ink"), linewidth=1.0)
        axes.fill_between(times, lower, upper, color=accent, alpha=_FAINT, linewidth=0.0)
        for name, values, width in (
            ("lower", lower, 0.75),
            ("upper", upper, 0.75),
            ("estimate", estimates, _LINE),
        ):
            axes.plot(times, values, color=accent, linewidth=width, gid=name)
        last = [value if n == len(looks) - 1 else _NOTHING for n, value in enumerate(estimates)]
        axes.plot(times, last, "o", color=accent, markersize=2.0 * _POINT, clip_on=False)
        axes.set_xlim(_edges(looks)[0], times[-1])
        axes.margins(y=0.08)

    return drawing


def people(looks: Sequence[Look]) -> Drawing:
    """Draw the triggered subjects, and of them those who are counted."""
    counted = [float(look.subjects - look.maturing) for look in looks]
    subjects = [float(look.subjects) for look in looks]

    def drawing(axes: "Axes") -> None:
        times = _numbers([look.as_of for look in looks])
        accent, muted = colour("accent"), colour("muted")
        axes.fill_between(times, 0.0, counted, color=accent, alpha=_FAINT, linewidth=0.0)
        axes.fill_between(times, counted, subjects, color=muted, alpha=_FAINT, linewidth=0.0)
        axes.plot(times, counted, color=accent, linewidth=_LINE, gid="counted")
        axes.plot(times, subjects, color=muted, linewidth=1.0, gid="subjects")
        axes.set_xlim(_edges(looks)[0], times[-1])
        axes.set_ylim(0.0, max(subjects) * 1.05)
        axes.yaxis.set_major_formatter(need("matplotlib.ticker").StrMethodFormatter("{x:,.0f}"))

    return drawing


def shares(looks: Sequence[Look], rows: Mapping[str, Sequence[float | None]]) -> Drawing:
    """
    Draw shares that add up to one as a stack of steps, each from one look to the next.

    Args:
        rows: by name, the share at each look; None where nothing was shown.
    """

    def drawing(axes: "Axes") -> None:
        edges = _edges(looks)
        below = [0.0] * len(looks)
        for number, values in enumerate(rows.values()):
            top = [
                _NOTHING if value is None else base + value
                for base, value in zip(below, values, strict=True)
            ]
            axes.stairs(
                top,
                edges,
                baseline=below,
                fill=True,
                color=colour(SERIES[number]),
                linewidth=0.0,
                gid=f"share-{number}",
            )
            below = [
                base if value is None else base + value
                for base, value in zip(below, values, strict=True)
            ]
        _of_shares(axes, edges, 1.0)

    return drawing


def fallback(looks: Sequence[Look]) -> Drawing:
    """Draw the share of decisions that fell back, in steps from one look to the next."""
    values = [_NOTHING if look.fallback is None else look.fallback for look in looks]

    def drawing(axes: "Axes") -> None:
        edges = _edges(looks)
        top = max(look.fallback or 0.0 for look in looks)
        axes.stairs(values, edges, fill=True, color=colour("accent"), alpha=_FAINT, linewidth=0.0)
        axes.stairs(
            values,
            edges,
            baseline=None,
            color=colour("accent"),
            linewidth=_LINE,
            gid="fallback",
        )
        _of_shares(axes, edges, min(1.0, max(1.15 * top, 0.01)))

    return drawing


def _of_shares(axes: "Axes", edges: Sequence[float], top: float) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0.0, top)
    axes.yaxis.set_major_formatter(need("matplotlib.ticker").PercentFormatter(1.0, symbol=" %"))


def _silences(looks: Sequence[Look]) -> Iterator[tuple[float, float]]:
    """Give from when to when there was no interval; such a time ends with the first one."""
    edges = _edges(looks)
    begin: float | None = edges[0]
    for look, before, at in zip(looks, edges, edges[1:], strict=False):
        if look.absolute is None:
            begin = before if begin is None else begin
        elif begin is not None:
            yield begin, at
            begin = None
    if begin is not None:
        yield begin, edges[-1]


def _numbers(instants: Sequence[datetime]) -> list[float]:
    """Give instants as matplotlib counts time, in days."""
    return [float(day) for day in need("matplotlib.dates").date2num(list(instants))]


def _edges(looks: Sequence[Look]) -> list[float]:
    """Give where the steps begin and end: looks are evenly spaced, from the first trigger on."""
    times = _numbers([look.as_of for look in looks])
    return [2.0 * times[0] - times[1], *times]
