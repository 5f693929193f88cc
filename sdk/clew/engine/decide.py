"""
Deciding: from a masked view of one person to the draw of a creative (RULES D1).

This file is pure: no clock, no chance, no I/O. The moment, the uniform number and what was learned
are arguments, so the same inputs give the same decision, and a recorded one can be drawn again.

Order: permission, moments and journeys, suppressions, eligibility, `measured`, holdout arm, caps,
arbitration, draw. What comes after permission runs alike in both arms of a holdout.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from attrs import define

from clew.engine.bucketing import choose, point
from clew.engine.compiled import (
    CompiledCreative,
    CompiledPolicy,
    CompiledSlot,
)
from clew.engine.explore import draw, floors, sharpness, square_cb
from clew.engine.learn import LOGISTIC, Arm, Prior
from clew.engine.menu import Menu, menu
from clew.logic.values import truthy
from clew.model.policy import CatalogueItem
from clew.model.words import Basis, Reason

__all__ = [
    "Assignment",
    "Drawn",
    "Entry",
    "Learned",
    "Raw",
    "Situation",
    "assigned",
    "bandit",
    "decide",
    "split_arm",
    "split_experiment",
]

Assignment: TypeAlias = tuple[str, str, str]
"""(holdout id, epoch, arm)"""


# The prior expectation of an item, kept away from certainty.
_LEAST_RATE = 0.01


class Learned(Protocol):
    """What the engine may ask of all that was learned so far."""

    #: The store's change count these figures belong to.
    version: int

    def arm(self, key: str, prior: Prior, /) -> Arm:
        """The state of one arm; the prior where nothing was learned."""
        ...

    def tally(self, key: str, /) -> Mapping[str, float]:
        """Sums by name: rounds and displays of a slot, counts of pairs."""
        ...

    def item(self, catalogue: str, item: str, /) -> CatalogueItem | None:
        """An entry that a catalogue learned from signals."""
        ...

    def age(self, now: float, /) -> float:
        """How old the figures are, in seconds."""
        ...


@define
class Situation:
    """One person, one moment, one request: all that deciding may look at."""

    #: The masked view that rules, features and templates read.
    view: dict[str, Any]
    #: The ground of the slot's purpose; None where there is none.
    basis: Basis | None
    #: Whom arms and shares are assigned by; None without a persistent id.
    key: str | None
    now: float
    #: Gives the next uniform number in [0, 1).
    uniform: Callable[[], float]
    learned: Learned
    #: The trials this person is part of, by holdout and epoch; each has its `arm`.
    trials: Mapping[str, Mapping[str, Any]]
    #: Whether this request is of traffic that is counted.
    counted: bool = True
    #: The person's last decision for this slot, if it is still to be kept (RULES D3).
    kept: Mapping[str, Any] | None = None


@define
class Drawn:
    """One draw and all that is needed to compute its propensity again (RULES D7)."""

    index: int
    names: Sequence[str]
    scores: Sequence[float]
    probabilities: Sequence[float]
    floors: Sequence[float]
    gamma: float
    rounds: int
    uniform: float
    state_key: str
    #: Masked features, and the drawn arm's mean at them.
    features: Mapping[str, float]
    means: Mapping[str, float]
    state_version: int
    state_age_seconds: float

    @property
    def propensity(self) -> float:
        """The probability of what was drawn."""
        return self.probabilities[self.index]

    @property
    def predicted(self) -> float:
        """The drawn arm's expected reward."""
        return self.scores[self.index]

    @property
    def exploration(self) -> bool:
        """Whether another candidate was expected to do better."""
        return self.scores[self.index] < max(self.scores)


@define
class Entry:
    """One position of a list slot, before its content is rendered."""

    item: str
    reason: Reason
    propensity: float
    #: None for a pinned entry: it is not drawn and not learned.
    drawn: Drawn | None = None


@define
class Raw:
    """A draw, before anything is rendered or explained."""

    reason: Reason
    creative: CompiledCreative | None
    propensity: float | None = None
    #: The holdouts this person is measured against here; the first is the one that applied.
    assignments: tuple[Assignment, ...] = ()
    measured: bool = False
    segments: tuple[str, ...] = ()
    drawn: Drawn | None = None
    entries: tuple[Entry, ...] = ()
    #: Content that had to be rendered to know that it can be.
    content: dict[str, Any] | None = None
    #: What was eligible; a kept decision stands only while this stays the same.
    eligible: tuple[str, ...] = ()
    #: Whether the kept decision stands: then nothing was drawn.
    hit: bool = False


def decide(policy: CompiledPolicy, slot: CompiledSlot, at: Situation) -> Raw:
    """Fill one slot."""
    view = at.view
    view["segments"] = [name for name, rule in policy.segments if truthy(rule(view))]
    if at.basis is None:
        raw = Raw("consent_denied", _contextual(policy, slot, at))
    else:
        rendered: dict[str, dict[str, Any]] = {}
        eligible, names = _eligible(policy, slot, at, rendered)
        raw = _kept(slot, names, at) or _arbitrate(slot, eligible, at)
        raw.eligible = names
        if rendered and raw.creative is not None:
            raw.content = rendered.get(raw.creative.id)
    raw.segments = tuple(view["segments"])
    return raw


def _kept(slot: CompiledSlot, names: tuple[str, ...], at: Situation) -> Raw | None:
    """The kept decision again, while the same creatives are eligible in the same versions."""
    kept = at.kept
    if kept is None or not at.counted or kept["void"] or tuple(kept["eligible"]) != names:
        return None
    creative = next((c for c in (*slot.creatives, slot.default) if c.id == kept["creative"]), None)
    if kept["creative"] is not None and (creative is None or creative.version != kept["version"]):
        return None
    arms = tuple([(a["id"], a["epoch"], a["arm"]) for a in kept["assignments"]])
    # A link may have brought another arm, which is served from then on (RULES M7).
    if arms != (assigned(slot, at) if kept["measured"] else ()):
        return None
    return Raw(
        kept["reason"],
        creative,
        kept["propensity"],
        assignments=arms,
        measured=kept["measured"],
        entries=tuple(Entry(*entry) for entry in kept["items"]),
        hit=True,
    )


def assigned(slot: CompiledSlot, at: Situation) -> tuple[Assignment, ...]:
    """
    The holdouts this person is part of for this slot, each with the arm; one that holds out first.

    A stored arm is kept, else it is a pure hash of the subject. Members of the holdout with scope
    `all` leave every other (RULES M7).
    """
    if at.key is None or not at.counted:
        return ()
    found: list[Assignment] = []
    for holdout in slot.holdouts:
        if not holdout.holds_at(at.now):
            continue
        trial = at.trials.get(f"{holdout.id}:{holdout.epoch}")
        if trial is not None:
            arm = trial["arm"]
        else:
            inside = point(holdout.holdout.salt, at.key) < holdout.holdout.share
            arm = "holdout" if inside else "treated"
        if arm == "holdout" and holdout.holdout.scope == "all":
            return ((holdout.id, holdout.epoch, arm),)
        found.append((holdout.id, holdout.epoch, arm))
    if len(found) > 1:
        found.sort(key=lambda assignment: assignment[2] != "holdout")
    return tuple(found)


def _eligible(
    policy: CompiledPolicy,
    slot: CompiledSlot,
    at: Situation,
    rendered: dict[str, dict[str, Any]],
) -> tuple[Sequence[CompiledCreative], tuple[str, ...]]:
    """The creatives that may be shown, and their names."""
    unconditional = "locale" not in at.view["context"]
    if unconditional and slot.unconditional:
        return slot.creatives, slot.names
    eligible = [
        creative
        for creative in slot.creatives
        if (unconditional and creative.unconditional) or _fits(policy, creative, at, rendered)
    ]
    return eligible, tuple([creative.id for creative in eligible])


def _fits(
    policy: CompiledPolicy,
    creative: CompiledCreative,
    at: Situation,
    rendered: dict[str, dict[str, Any]],
) -> bool:
    """Schedule, channel, locale, condition, and whether the content can be filled."""
    context = at.view["context"]
    if not creative.starts_at <= at.now < creative.ends_at:
        return False
    if creative.channels and context.get("channel") not in creative.channels:
        return False
    filling = creative.filling(context.get("locale"), policy.policy.locale)
    if filling is None or (creative.when is not None and not truthy(creative.when(at.view))):
        return False
    if not filling.total:
        content = filling.fill(at.view)
        if content is None:
            return False
        rendered[creative.id] = content
    return True


def _contextual(policy: CompiledPolicy, slot: CompiledSlot, at: Situation) -> CompiledCreative:
    """Without permission: the first creative that only looks at the request, else the default."""
    fitting = [c for c in slot.creatives if c.contextual and _fits(policy, c, at, {})]
    return min(fitting, key=_rank, default=slot.default)


def _rank(creative: CompiledCreative) -> tuple[float, str]:
    return -creative.creative.priority, creative.id


def _arbitrate(slot: CompiledSlot, eligible: Sequence[CompiledCreative], at: Situation) -> Raw:
    offer = None if slot.items is None else menu(slot.items, at.view, at.learned)
    if slot.has_essential:
        essential = [creative for creative in eligible if creative.creative.essential]
        if essential:
            # A late parcel or a legal notice is owed to everybody, and never measured (RULES D10).
            return Raw("priority", min(essential, key=_rank), 1.0)
    if not (_beyond_default(slot, eligible) if offer is None else offer):
        return Raw("no_eligible", slot.default, 1.0)
    assignments = assigned(slot, at)
    if assignments and assignments[0][2] == "holdout":
        raw = Raw("holdout", _held_out(slot, assignments[0][0]), 1.0)
    elif offer is not None:
        raw = _list(slot, offer, at)
    else:
        raw = _STRATEGIES[slot.slot.strategy](slot, eligible, at)
    raw.assignments = assignments
    raw.measured = at.counted and at.key is not None
    return raw


def _beyond_default(slot: CompiledSlot, eligible: Sequence[CompiledCreative]) -> bool:
    """Whether anything but the default may be shown."""
    return len(eligible) > 1 or (len(eligible) == 1 and eligible[0] is not slot.default)


def _held_out(slot: CompiledSlot, holdout: str) -> CompiledCreative | None:
    serve = next(h.holdout.serve for h in slot.holdouts if h.id == holdout)
    return slot.default if serve == "default" else None


def _priority(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:  # noqa: ARG001
    return Raw("priority", min(candidates, key=_rank), 1.0)


def _split(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:
    """By fixed shares; what nobody eligible has a share in falls to the default."""
    name = _share(slot, at.uniform()) if at.key is None else split_arm(slot, at.key, at.trials)
    for creative in candidates:
        if creative.id == name and creative is not slot.default:
            return Raw("split", creative, slot.slot.shares[name])
    shares = slot.slot.shares
    others = math.fsum(shares.get(c.id, 0.0) for c in candidates if c is not slot.default)
    return Raw("split", slot.default, max(1.0 - others, 0.0))


def split_experiment(slot: str) -> str:
    """Name the experiment that compares the creatives of a `split` slot."""
    return f"slot:{slot}"


def split_arm(slot: CompiledSlot, key: str, trials: Mapping[str, Mapping[str, Any]]) -> str:
    """
    Whose share a subject falls into: the stored arm, else by hash (RULES M7).

    It is not always what is shown. Whom it cannot be shown to stays in this arm nevertheless: with
    them moved to the default, the two would be compared over different people.
    """
    trial = trials.get(f"{split_experiment(slot.id)}:{slot.split_epoch}")
    return _share(slot, point(slot.split_salt, key)) if trial is None else str(trial["arm"])


def _share(slot: CompiledSlot, at: float) -> str:
    """Whose share holds a point in [0, 1); past the last it is the default's."""
    names, bounds = slot.split
    index = choose(bounds, at)
    return slot.default.id if index is None else names[index]


def _bandit(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:
    if candidates is slot.creatives:
        names, keys = slot.names, slot.learning_keys
    else:
        names = tuple([creative.id for creative in candidates])
        keys = tuple([creative.learning_key for creative in candidates])
    arm, place, prior = at.learned.arm, slot.state_key, slot.prior
    drawn = bandit(slot, names, keys, [arm(place(key), prior) for key in keys], at)
    return Raw("bandit", candidates[drawn.index], drawn.propensity, drawn=drawn)


def bandit(
    slot: CompiledSlot,
    names: Sequence[str],
    keys: Sequence[str],
    arms: Sequence[Arm],
    at: Situation,
) -> Drawn:
    """Score each candidate, turn scores to probabilities, draw one, keep all of it (RULES L3)."""
    x = slot.features.vector(at.view)
    predict = slot.model.predict
    scores = [predict(arm.mean, x) for arm in arms]
    tally = at.learned.tally(slot.tally_key)
    rounds = int(tally.get("rounds", 0.0))
    explore = slot.exploration
    least = floors(explore, [int(tally.get(f"n:{key}", 0.0)) for key in keys])
    gamma = sharpness(explore.gamma, rounds)
    probabilities = square_cb(scores, gamma=gamma, floor=least)
    uniform = at.uniform()
    index = draw(probabilities, uniform)
    return Drawn(
        index=index,
        names=names,
        scores=scores,
        probabilities=probabilities,
        floors=least,
        gamma=explore.gamma,
        rounds=rounds,
        uniform=uniform,
        state_key=slot.state_key(keys[index]),
        features=x,
        means=arms[index].mean_at(x),
        state_version=at.learned.version,
        state_age_seconds=at.learned.age(at.now),
    )


_STRATEGIES: dict[str, Callable[[CompiledSlot, Sequence[CompiledCreative], Situation], Raw]] = {
    "bandit": _bandit,
    "split": _split,
    "priority": _priority,
}


def _list(slot: CompiledSlot, offer: Menu, at: Situation) -> Raw:
    """Draw the positions in order, each without what stands before it (RULES D9)."""
    assert slot.items is not None  # noqa: S101 - the caller looked
    entries = [] if offer.pinned is None else [Entry(offer.pinned, "pinned", 1.0)]
    left = dict(offer.candidates)
    while left and len(entries) < slot.items.count:
        names = list(left)
        arms = [
            _item_arm(slot, at.learned.arm(slot.state_key(n), slot.prior), left[n]) for n in names
        ]
        drawn = bandit(slot, names, names, arms, at)
        entries.append(Entry(names[drawn.index], "bandit", drawn.propensity, drawn))
        del left[names[drawn.index]]
    product = math.prod(entry.propensity for entry in entries)
    reason: Reason = "bandit" if any(entry.drawn for entry in entries) else "pinned"
    return Raw(reason, slot.default, product, entries=tuple(entries))


def _item_arm(slot: CompiledSlot, arm: Arm, strength: float) -> Arm:
    """
    An item's arm with how well it goes with the pinned one as its prior.

    Nothing else tells thousands of items apart before they have been shown.
    """
    rate = min(max(strength, _LEAST_RATE), 1.0 - _LEAST_RATE)
    bias = math.log(rate / (1.0 - rate)) if slot.model is LOGISTIC else rate
    return Arm(Prior(slot.prior.precision, bias), arm.sums)
