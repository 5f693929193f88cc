"""A policy in plain sentences, for those who answer for it and do not read JSON."""

from collections.abc import Iterable, Iterator

from clew.logic import compile_rule
from clew.logic import describe as describe_rule
from clew.model.policy import (
    Creative,
    Holdout,
    Items,
    Objective,
    Policy,
    Purpose,
    Segment,
    Slot,
    Trait,
)
from clew.templates import compile_template

__all__ = ["describe_policy"]

_HOW = {
    "bandit": "it learns which creative does best",
    "split": "each creative has a fixed share",
    "priority": "the creative with the highest priority wins",
    "items": "it learns which items do best",
}

_COUNTED = {"first": "the first", "every": "each", "sum": "all"}

#: What a trait makes of its signals.
_FOLDED = {
    "affinity": "ranks {of} by each {signal}, later ones more",
    "count": "counts each {signal}",
    "decayed": "counts each {signal}, older ones less",
    "distinct": "counts the different {of} of each {signal}",
    "first": "is {of} of the first {signal}",
    "last": "is {of} of the last {signal}",
    "max": "is the greatest {of} of each {signal}",
    "min": "is the least {of} of each {signal}",
    "recency": "is how long ago the last {signal} was",
    "sum": "adds up {of} of each {signal}",
    "together": "is which {of} of each {signal} go together",
}

# Units of time in seconds, longest first.
_UNITS = (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0), ("second", 1.0))


def describe_policy(policy: Policy) -> list[str]:
    """
    Say what a policy without faults does, a sentence or two for each part.

    Raises:
        DocumentError: one of its rules does not compile.
    """
    return [
        f"This is version {policy.version} of the policy {policy.id}.",
        *map(_purpose, policy.purposes),
        *map(_trait, policy.traits),
        *map(_segment, policy.segments),
        *(sentence for slot in policy.slots for sentence in _slot(slot, policy)),
        *map(_holdout, policy.holdouts),
    ]


def _purpose(purpose: Purpose) -> str:
    parent = f", within {purpose.parent}," if purpose.parent else ""
    value = f"; people get {purpose.value}" if purpose.value else ""
    days = purpose.retention_days
    kept = f"; data is kept for {_amount(days, 'day')}" if days else ""
    return f"Purpose {purpose.id}{parent} rests on {purpose.basis.replace('_', ' ')}{value}{kept}."


def _trait(trait: Trait) -> str:
    said = "" if trait.kind == "computed" else f", {trait.kind},"
    what = _FOLDED[trait.aggregate].format(signal=trait.signal, of=trait.of)
    when = "" if trait.where is None else f" when {describe_rule(compile_rule(trait.where))}"
    over = f", over {_duration(trait.window_seconds)}" if trait.window_seconds else ""
    return f"{trait.id}{said} {what}{when}{over}."


def _segment(segment: Segment) -> str:
    return f"{segment.id}: {describe_rule(compile_rule(segment.when))}."


def _slot(slot: Slot, policy: Policy) -> Iterator[str]:
    objectives = {objective.id: objective for objective in policy.objectives}
    where = f", on {_listed(slot.channels)}," if slot.channels else ""
    yield (
        f"Slot {slot.id}{where} serves {slot.purpose} and maximises {_goal(slot, objectives)}:"
        f" {_filled(slot)}."
    )
    if slot.items is not None:
        yield f"In {slot.id} there are {_items(slot.items)}."
    for creative in policy.creatives:
        if creative.status == "live" and slot.id in creative.slots and creative.id != slot.default:
            audience = _audience(creative, slot, policy.locale)
            yield f"In {slot.id}, {creative.id} may be shown {audience}."
    yield f"In {slot.id}, {slot.default} is {_default(policy, slot)}."


def _default(policy: Policy, slot: Slot) -> str:
    """Say when the default is shown: where it is a candidate, beside the others, too."""
    alone = "shown where nothing else may be"
    if slot.items is not None or (slot.strategy == "split" and slot.default not in slot.shares):
        return alone
    found = (one for one in policy.creatives if one.id == slot.default and slot.id in one.slots)
    creative = next((one for one in found if one.status == "live"), None)
    if creative is None:
        return alone
    return f"one of them, to be shown {_audience(creative, slot, policy.locale)}, and {alone}"


def _goal(slot: Slot, objectives: dict[str, Objective]) -> str:
    if isinstance(slot.objective, str):
        return _objective(objectives[slot.objective])
    return " and ".join(
        f"{_objective(objectives[one.id])} with weight {one.weight:g}" for one in slot.objective
    )


def _objective(objective: Objective) -> str:
    counted, bounds = f"{_COUNTED[objective.count]} {objective.signal}", ""
    if objective.value is not None:
        read = sorted(compile_rule(objective.value).reads)
        money = f" in {objective.currency}" if objective.currency else ""
        counted = f"{_listed(read) if read else 'a fixed worth'}{money} of {counted}"
        bounds = f", each cut to between {objective.value_min:g} and {objective.value_max:g}"
    fewer = ", the less the better" if objective.direction == "down" else ""
    window = _duration(objective.window_seconds)
    return f"{objective.id} ({counted} within {window}{bounds}{fewer})"


def _filled(slot: Slot) -> str:
    how = _HOW["items" if slot.items is not None else slot.strategy]
    told_apart = f", telling visitors apart by {_listed(slot.features)}" if slot.features else ""
    return f"{how}{told_apart}"


def _items(items: Items) -> str:
    pinned = f", the first being the top of {items.pinned}" if items.pinned else ""
    together = f", proposed by {items.together}" if items.together else ""
    return f"{_amount(items.count, 'item')} of {items.catalogue}{pinned}{together}"


def _audience(creative: Creative, slot: Slot, locale: str) -> str:
    """Say to whom, when and where a creative is shown."""
    conditions = []
    if creative.when is not None:
        conditions.append(f"when {describe_rule(compile_rule(creative.when))}")
    if needed := _needed(creative, locale):
        conditions.append(f"where its text can be filled from {_listed(needed)}")
    when = " and ".join(conditions) or "to everybody"
    share = (
        f", with a share of {slot.shares[creative.id]:.4g}" if creative.id in slot.shares else ""
    )
    channels = f", on {_listed(creative.channels)}" if creative.channels else ""
    since = f", from {creative.starts_at}" if creative.starts_at else ""
    until = f", until {creative.ends_at}" if creative.ends_at else ""
    always = ", whatever else there is" if creative.essential else ""
    return f"{when}{share}{channels}{since}{until}{always}"


def _needed(creative: Creative, locale: str) -> list[str]:
    """The paths that texts read which may have a gap; a creative with a gap is not shown."""
    content = creative.content.get(locale) or next(iter(creative.content.values()), {})
    texts = [compile_template(text) for text in content.values() if isinstance(text, str)]
    return sorted({path for text in texts if text.render({}) is None for path in text.reads})


def _holdout(holdout: Holdout) -> str:
    where = "everywhere" if holdout.scope == "all" else f"in {_listed(holdout.scope)}"
    get = "the default" if holdout.serve == "default" else "nothing"
    return (
        f"Holdout {holdout.id} keeps back {100 * holdout.share:.4g}% of people {where}: they get"
        f" {get}, to measure against."
    )


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _duration(seconds: float) -> str:
    """Say a duration in the longest unit of which it is a whole number."""
    fitting = ((seconds / size, unit) for unit, size in _UNITS if seconds % size == 0)
    amount, unit = next(fitting, (seconds, "second"))
    return _amount(amount, unit)


def _amount(number: float, unit: str) -> str:
    return f"{number:g} {unit}" if number == 1 else f"{number:g} {unit}s"
