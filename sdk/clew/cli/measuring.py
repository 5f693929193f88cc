"""`clew measure`: what each objective earned against its holdout, or why that is not known yet."""

from collections.abc import Iterator

import click

from clew.cli.connection import Connection, as_of_option, connected, json_option
from clew.cli.show import amount, console, percent, print_json, table, tell
from clew.codec import to_json
from clew.model.measurement import Effect, Measurement
from clew.pages import measurement_page

__all__ = ["interval", "measure", "show_measurement"]

#: Enough for a smooth line; a page of them is read at a glance.
_LOOKS = 60


@click.command()
@click.argument("objective", required=False)
@click.option("--holdout", help="Only against this holdout.")
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a page for people, with pictures, to FILE (- is stdout).",
)
@click.option(
    "--looks",
    type=click.IntRange(min=0),
    help="How many instants back in time --html draws and --json lists.  "
    f"[default: {_LOOKS} with --html, else 0]",
)
@as_of_option
@json_option
@connected
def measure(
    connection: Connection,
    *,
    objective: str | None,
    holdout: str | None,
    page: str | None,
    looks: int | None,
    as_of: float | None,
    as_json: bool,
) -> None:
    """Measure lift against the holdout, for OBJECTIVE or for all."""
    if page is not None and as_json:
        raise click.UsageError("--html and --json are two forms of one answer: give one of them")
    if looks is None:
        looks = _LOOKS if page is not None else 0
    with connection.reading(as_of=as_of) as (client, _):
        found = client.measure(objective, holdout=holdout, looks=looks)
    if page is not None:
        _write(page, measurement_page(found))
        return
    if as_json:
        print_json([to_json(one) for one in found])
        return
    if not found:
        tell("nothing to measure: no slot has this objective")
    for one in found:
        show_measurement(one)


def _write(page: str, document: str) -> None:
    """Write the page, and say where it is unless it went to stdout."""
    with click.open_file(page, "w", encoding="utf-8") as file:
        file.write(document)
    if page != "-":
        tell(f"wrote {page}")


def show_measurement(one: Measurement) -> None:
    """Print one measurement."""
    against = f" against {one.holdout}" if one.holdout else ""
    tell(f"{one.objective}{against}: {one.state.replace('_', ' ')}", style="bold")
    tell(f"  {one.estimand}")
    if one.arms:
        arms = table(
            "  arm", "#subjects", "#maturing", "#converting", "#total", "#mean", "#displayed"
        )
        for arm in one.arms:
            arms.add_row(
                f"  {arm.arm}",
                f"{arm.subjects:,}",
                f"{arm.maturing:,}",
                f"{arm.converting:,}",
                amount(arm.total),
                "" if arm.mean is None else f"{arm.mean:.4f}",
                percent(arm.display_rate),
            )
        console().print(arms)
    for sentence in _effects(one):
        tell(f"  {sentence}")
    if one.creatives:
        creatives = table(
            "  slot", "creative or item", "#decisions", "#share", "#displays", "#mean reward"
        )
        for figures in one.creatives:
            creatives.add_row(
                f"  {figures.slot}",
                figures.creative,
                f"{figures.decisions:,}",
                percent(figures.share),
                f"{figures.displays:,}",
                "" if figures.mean is None else f"{figures.mean:.4f}",
            )
        console().print(creatives)


def _effects(one: Measurement) -> Iterator[str]:
    if one.absolute is not None:
        yield (
            f"lift {interval(one.absolute)} per subject, {percent(1 - one.alpha, 0)} interval"
            " that holds at every look"
        )
    if one.relative is not None:
        effect = one.relative
        yield (
            f"relative {percent(effect.estimate)} "
            f"[{percent(effect.lower)} to {percent(effect.upper)}]"
        )
    for name, count in one.excluded.items():
        yield f"not counted: {count:,} of {name} traffic"
    for reason, share in one.fallbacks.items():
        yield f"fell back ({reason}): {percent(share)}"
    for count, what in (
        (one.late, "outcomes came after their subject was counted"),
        (one.crossovers, "pairs of linked ids had different arms"),
        (one.clipped, "values were cut to the objective's bounds"),
    ):
        if count:
            yield f"{count:,} {what}"
    yield from one.notes


def interval(effect: Effect) -> str:
    """Write an effect with its interval."""
    p = "" if effect.p is None else f", p {effect.p:.2g}"
    return f"{effect.estimate:+.4f} [{effect.lower:+.4f} to {effect.upper:+.4f}{p}]"
