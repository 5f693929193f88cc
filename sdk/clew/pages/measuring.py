"""
The page of measurements: what was earned, how sure that is, and how it came about.

It is for two readers. Who decides finds one number with its interval in words; who doubts finds
the estimand, the arms, the sample ratio, what was left out, and under each picture its numbers.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from clew.model.measurement import ArmFigures, CreativeFigures, Effect, Measurement, SampleRatio
from clew.pages.needs import need
from clew.pages.pictures import Table, pictures
from clew.pages.words import counted, decimals, moment, percent, signed, signed_percent, spaced

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["measurement_page"]

#: What the state of a measurement without a number says in its place.
_SILENT = {
    "still_measuring": "Still measuring",
    "not_trustworthy": "Not trustworthy",
    "no_holdout": "Nothing to compare with",
    "measured": "Measured",
}


def measurement_page(found: Sequence[Measurement], *, title: str | None = None) -> str:
    """
    Write measurements as one HTML document that needs nothing else: no network and no script.

    Measurements with looks (`client.measure(looks=60)`) have pictures of how they came about.

    Args:
        title: of the document.

    Raises:
        ConfigurationError: the extra `charts` is not installed.
    """
    document: str = _template().render(
        title=title or "What personalisation earned",
        style=_file("measurement.css"),
        as_of=moment(max(one.as_of for one in found)) if found else None,
        measurements=[_view(one, f"m{number}") for number, one in enumerate(found, 1)],
    )
    return document


@cache
def _template() -> "Template":
    environment = need("jinja2").Environment(
        autoescape=True,
        undefined=need("jinja2").StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template: Template = environment.from_string(_file("measurement.html"))
    return template


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _view(one: Measurement, key: str) -> dict[str, Any]:
    """Say one measurement in words, as the template reads it."""
    return {
        "key": key,
        "objective": spaced(one.objective),
        "holdout": one.holdout,
        "state": one.state,
        "headline": _headline(one),
        "sentence": _sentence(one),
        "verdict": _verdict(one.absolute),
        "relative": _relative(one),
        "estimand": one.estimand,
        "notes": [note.split("`") for note in one.notes],  # every second piece is code
        "pictures": pictures(one, key),
        "has_looks": bool(one.looks),
        "arms": _arms(one.arms),
        "facts": list(_facts(one)),
        "creatives": _creatives(one.creatives),
    }


def _headline(one: Measurement) -> str:
    if one.absolute is None:
        return _SILENT[one.state]
    return signed(one.absolute.estimate, decimals(one.absolute))


def _sentence(one: Measurement) -> str:
    if one.absolute is None:
        return f"There is no number for {spaced(one.objective)} per person yet."
    digits = decimals(one.absolute)
    return (
        f"{spaced(one.objective)} per person, {percent(1.0 - one.alpha, 0)} interval "
        f"{signed(one.absolute.lower, digits)} to {signed(one.absolute.upper, digits)}"
    )


def _verdict(effect: Effect | None) -> str | None:
    if effect is None:
        return None
    if effect.lower > 0.0:
        return "More than without personalisation: the whole interval lies above zero."
    if effect.upper < 0.0:
        return "Less than without personalisation: the whole interval lies below zero."
    return "No difference is shown: the interval holds zero."


def _relative(one: Measurement) -> str | None:
    effect = one.relative
    if effect is None:
        return None
    return (
        f"Relative to the holdout that is {signed_percent(effect.estimate)}, interval "
        f"{signed_percent(effect.lower)} to {signed_percent(effect.upper)}."
    )


def _arms(arms: Sequence[ArmFigures]) -> Table:
    return Table(
        ("arm", "people", "maturing", "converting", "total", "mean", "displayed"),
        [
            (
                arm.arm,
                counted(arm.subjects),
                counted(arm.maturing),
                counted(arm.converting),
                counted(arm.total),
                "" if arm.mean is None else f"{arm.mean:.4f}",
                "" if arm.display_rate is None else percent(arm.display_rate),
            )
            for arm in arms
        ],
    )


def _creatives(creatives: Sequence[CreativeFigures]) -> Table:
    tested = any(one.interval for one in creatives)
    columns = ("slot", "creative", "decisions", "share", "displays", "mean reward")
    return Table(
        (*columns, "against the default") if tested else columns,
        [
            (
                spaced(one.slot),
                spaced(one.creative),
                counted(one.decisions),
                percent(one.share),
                counted(one.displays),
                "" if one.mean is None else f"{one.mean:.4f}",
                *([_interval(one.interval)] if tested else []),
            )
            for one in creatives
        ],
        words=2,
    )


def _interval(effect: Effect | None) -> str:
    if effect is None:
        return ""
    digits = decimals(effect)
    lift, lower, upper = (
        signed(value, digits) for value in (effect.estimate, effect.lower, effect.upper)
    )
    return f"{lift} ({lower} to {upper})"


def _facts(one: Measurement) -> Iterator[tuple[str, str]]:
    """What a reader who doubts asks for, by name."""
    if one.sample_ratio is not None:
        yield "Sample ratio", _ratio(one.sample_ratio)
    fell = [f"{percent(share)} {spaced(reason)}" for reason, share in one.fallbacks.items()]
    yield "Fell back to a default", ", ".join(fell) or "none of the decisions"
    left_out = [f"{counted(n)} of {name} traffic" for name, n in one.excluded.items()]
    yield "Decisions not counted", ", ".join(left_out) or "none"
    yield "Outcomes after their subject was counted", counted(one.late)
    yield "Linked ids of differing arms", counted(one.crossovers)
    yield "Values cut to the objective's bounds", counted(one.clipped)
    yield "Credited to decisions", f"{counted(one.attributed)} (a description, no lift)"
    if one.n_star is not None:
        yield (
            "Interval",
            (
                f"{percent(1.0 - one.alpha, 0)} confidence sequence, valid at every look, "
                f"tightest at {counted(one.n_star)} people"
            ),
        )
    if one.epoch is not None:
        yield "Epoch", one.epoch


def _ratio(ratio: SampleRatio) -> str:
    sizes = ", ".join(
        f"{arm} {counted(n)} (expected {percent(ratio.expected[arm])})"
        for arm, n in ratio.observed.items()
    )
    verdict = "as it should be" if ratio.trustworthy else "not as it should be"
    return f"{verdict}: {sizes}; p = {ratio.p:.2g}"
