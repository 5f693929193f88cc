"""What the demo shows while it runs."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clew.cli.demo.shop import HERO
from clew.cli.demo.visitors import RECENT, Visitors
from clew.cli.measuring import interval
from clew.cli.show import percent, several, table
from clew.model.measurement import Measurement

__all__ = ["screen"]

_BAR = 16


def screen(visitors: Visitors, found: Measurement, *, waiting: str = "") -> RenderableType:
    """
    Draw who came, what they were shown and what was measured.

    Args:
        waiting: what is waited for, in words.
    """
    allowing = sum(arm.subjects for arm in found.arms)
    head = (
        f"{several(visitors.count, 'simulated visitor')}, {allowing:,} who allowed it and are "
        f"measured, {several(visitors.orders, 'order')} of all, seed {visitors.seed}"
        f"{', all creatives equally good' if visitors.null else ''}"
    )
    maturing = sum(arm.maturing for arm in found.arms)
    return Group(
        Text(head, style="bold"),
        _creatives(visitors, found),
        Text(f"maturing (still inside their window): {maturing:,}"),
        Text(_lift(found)),
        *([Text(waiting, style="dim")] if waiting else []),
    )


def _creatives(visitors: Visitors, found: Measurement) -> Table:
    rows = table(
        HERO,
        "#treated",
        "#share",
        f"#last {RECENT}",
        "",
        "#reward",
    )
    for column in rows.columns:  # a live table that wraps would jump
        column.no_wrap = True
    lately = visitors.shares
    for one in found.creatives:
        if one.slot != HERO:
            continue
        share = lately.get(one.creative, 0.0)
        rows.add_row(
            one.creative,
            f"{one.decisions:,}",
            percent(one.share),
            percent(share),
            ("█" * round(_BAR * share)).ljust(_BAR),
            "" if one.mean is None else f"{one.mean:.3f}",
        )
    return rows


def _lift(found: Measurement) -> str:
    arms = ", ".join(
        f"{arm.arm} {arm.converting:,} of {arm.subjects - arm.maturing:,}" for arm in found.arms
    )
    if found.absolute is None:
        return f"matured lift against the holdout: {'; '.join(found.notes)} ({arms})"
    excludes = found.absolute.lower > 0.0 or found.absolute.upper < 0.0
    verdict = "excludes zero" if excludes else "holds zero: no difference is shown"
    return f"matured lift against the holdout: {interval(found.absolute)}, {verdict} ({arms})"
