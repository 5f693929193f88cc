"""What the demo shows while it runs."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clew.cli.demo.world import RECENT, World
from clew.cli.measuring import interval
from clew.cli.show import percent, table
from clew.model.measurement import Measurement

__all__ = ["screen"]

_HONEST = (
    "Simulated people in simulated time: all traffic is synthetic, in a demo tenant whose policy "
    "declares that it counts."
)

_BAR = 16


def screen(world: World, found: Measurement) -> RenderableType:
    """Draw the state of the world and what was measured in it."""
    arms = {arm.arm: arm for arm in found.arms}
    maturing = sum(arm.maturing for arm in arms.values())
    head = (
        f"{world.visitors:,} people in {world.days:.1f} simulated days, {world.orders:,} orders, "
        f"seed {world.seed}{', all creatives equally good' if world.null else ''}"
    )
    return Group(
        Text(_HONEST, style="dim"),
        Text(head, style="bold"),
        _creatives(world, found),
        Text(f"maturing (still inside their window): {maturing:,}"),
        Text(_lift(found)),
    )


def _creatives(world: World, found: Measurement) -> Table:
    rows = table(
        "creative",
        "#decisions",
        "#share of all",
        f"#of the last {RECENT} treated",
        "",
        "#mean reward",
    )
    lately = world.shares
    for one in found.creatives:
        share = lately.get(one.creative, 0.0)
        rows.add_row(
            one.creative,
            f"{one.decisions:,}",
            percent(one.share),
            percent(share),
            "█" * round(_BAR * share),
            "" if one.mean is None else f"{one.mean:.3f}",
        )
    return rows


def _lift(found: Measurement) -> str:
    arms = ", ".join(f"{arm.arm} {arm.converting:,} of {arm.subjects:,}" for arm in found.arms)
    if found.absolute is None:
        return f"lift against the holdout: {'; '.join(found.notes)} ({arms})"
    excludes = found.absolute.lower > 0.0 or found.absolute.upper < 0.0
    verdict = "excludes zero" if excludes else "holds zero: no difference is shown"
    return f"lift against the holdout: {interval(found.absolute)}, {verdict} ({arms})"
