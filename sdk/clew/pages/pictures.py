"""The pictures of a measurement with their words, and the tables of what is drawn."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, frozen

from clew.model.measurement import Look, Measurement
from clew.pages import plots
from clew.pages.drawing import NARROW, SERIES, WIDE, Drawing, draw
from clew.pages.words import counted, decimals, moment, percent, signed, spaced

__all__ = ["Picture", "Table", "pictures"]

#: What is shown of one slot is told apart so far; the rest is one.
_NAMED_MAX = len(SERIES) - 1
_OTHERS = "all others"

#: Instants that give a picture: one is a number, not a history.
_LOOKS_MIN = 2


@frozen
class Table:
    """Cells as they are read."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    #: How many of the first columns are words; the others are numbers.
    words: int = 1


@frozen(kw_only=True)
class Picture:
    """One picture and what is said around it."""

    title: str
    #: Below the title.
    caption: str
    #: SVG elements: for a phone, and for everything wider; none where nothing can be drawn.
    drawn: Sequence[str] = ()
    #: Variables of the style sheet with what they stand for.
    legend: Mapping[str, str] = Factory(dict)
    #: None where the caption says it all.
    table: Table | None = None


def pictures(one: Measurement, key: str) -> list[Picture]:
    """
    Draw how a measurement came about; nothing where it has no looks to draw.

    Args:
        key: begins every id.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    if len(one.looks) < _LOOKS_MIN or one.looks[0].as_of == one.looks[-1].as_of:
        return []
    return [
        _lift(one, f"{key}-lift"),
        _people(one, f"{key}-people"),
        *_shares(one, key),
        _fallback(one, f"{key}-fallback"),
    ]


def _lift(one: Measurement, key: str) -> Picture:
    title = "Lift over time"
    silent = Counter(spaced(look.state) for look in one.looks if look.absolute is None)
    told = one.looks[-1].absolute or next(
        (look.absolute for look in reversed(one.looks) if look.absolute is not None), None
    )
    caption = (
        f"How {spaced(one.objective)} per person differ, treated minus held out, with the "
        f"{percent(1.0 - one.alpha, 0)} interval that holds at every look."
    )
    if silent:
        why = ", ".join(f"{state} at {n}" for state, n in silent.items())
        where = "there" if told else "at all"
        caption += f" Of {len(one.looks)} looks: {why}, so nothing is drawn {where}."
    digits = decimals(told) + 2 if told else 0
    table = Table(
        ("as of", "state", "lift", "lower", "upper"),
        [(moment(look.as_of), spaced(look.state), *_effect(look, digits)) for look in one.looks],
        words=2,
    )
    drawn = _draw(plots.lift(one.looks), key, title, caption) if told else ()
    legend = {"accent": "lift, with its interval"} if told else {}
    if told and silent:
        legend["rule"] = "no interval"
    return Picture(title=title, caption=caption, drawn=drawn, legend=legend, table=table)


def _effect(look: Look, digits: int) -> tuple[str, str, str]:
    effect = look.absolute
    if effect is None:
        return ("", "", "")
    lift, lower, upper = (
        signed(value, digits) for value in (effect.estimate, effect.lower, effect.upper)
    )
    return (lift, lower, upper)


def _people(one: Measurement, key: str) -> Picture:
    title = "People"
    caption = (
        "Everybody who was triggered, in both arms. Who is still inside their window is maturing, "
        "and enters the lift when it closes."
    )
    table = Table(
        ("as of", "triggered", "counted", "maturing"),
        [
            (
                moment(look.as_of),
                counted(look.subjects),
                counted(look.subjects - look.maturing),
                counted(look.maturing),
            )
            for look in one.looks
        ],
    )
    return Picture(
        title=title,
        caption=caption,
        drawn=_draw(plots.people(one.looks), key, title, caption),
        legend={"accent": "counted", "muted": "maturing, on top"},
        table=table,
    )


def _shares(one: Measurement, key: str) -> Iterator[Picture]:
    for number, slot in enumerate(sorted({slot for look in one.looks for slot in look.shares})):
        title = f"What was shown in {spaced(slot)}"
        caption = (
            "Of what was chosen for the treated from one look to the next, the share of each "
            "creative. It tells where the traffic went, not what each creative is worth."
        )
        rows = _rows(one.looks, slot)
        table = Table(
            ("up to", *map(spaced, rows)),
            [
                (
                    moment(look.as_of),
                    *("" if share is None else percent(share) for share in at_look),
                )
                for look, *at_look in zip(one.looks, *rows.values(), strict=True)
            ],
        )
        drawing = plots.shares(one.looks, rows)
        yield Picture(
            title=title,
            caption=caption,
            drawn=_draw(drawing, f"{key}-shares-{number}", title, caption),
            legend=dict(zip(SERIES, map(spaced, rows), strict=False)),
            table=table,
        )


def _rows(looks: Sequence[Look], slot: str) -> dict[str, list[float | None]]:
    """By creative, the most shown first: its share at each look; None where none was shown."""
    sums: dict[str, float] = {}
    for look in looks:
        for name, share in look.shares.get(slot, {}).items():
            sums[name] = sums.get(name, 0.0) + share
    named = sorted(sums, key=lambda name: (-sums[name], name))[:_NAMED_MAX]
    rows: dict[str, list[float | None]] = {name: [] for name in named}
    if len(sums) > _NAMED_MAX:
        rows[_OTHERS] = []
    for look in looks:
        shown = look.shares.get(slot)
        for name, values in rows.items():
            if shown is None:
                values.append(None)
            elif name == _OTHERS:
                values.append(sum(share for other, share in shown.items() if other not in named))
            else:
                values.append(shown.get(name, 0.0))
    return rows


def _fallback(one: Measurement, key: str) -> Picture:
    title = "Fall-backs"
    made = sum(look.decisions for look in one.looks)
    fell = sum(round(look.decisions * (look.fallback or 0.0)) for look in one.looks)
    caption = (
        f"Of {counted(made)} decisions since the first trigger, {counted(fell)} fell back to a "
        "default."
    )
    table = Table(
        ("up to", "decisions", "fell back"),
        [
            (
                moment(look.as_of),
                counted(look.decisions),
                "" if look.fallback is None else percent(look.fallback),
            )
            for look in one.looks
        ],
    )
    drawn = _draw(plots.fallback(one.looks), key, title, caption) if fell else ()
    legend = {"accent": "share that fell back"} if fell else {}
    return Picture(title=title, caption=caption, drawn=drawn, legend=legend, table=table)


def _draw(drawing: Drawing, key: str, title: str, description: str) -> list[str]:
    return [
        draw(drawing, size, key=key, title=title, description=description)
        for size in (NARROW, WIDE)
    ]
