"""
A policy made ready to decide with: names resolved, rules and templates compiled, keys computed.

Everything that does not depend on the person or the moment is done here, once per policy version.
The policy is taken as checked: what `clew.policy.check_policy` refuses is not guarded against.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import orjson
from attrs import field, frozen

from clew.clock import instant
from clew.engine.bucketing import cumulate
from clew.engine.extract import Read, key, read_path
from clew.engine.features import Features, compile_features
from clew.engine.learn import LINEAR, LOGISTIC, Model, Prior, Term
from clew.engine.traits import CompiledTrait, compile_trait
from clew.logic import Rule, compile_rule
from clew.model.policy import (
    CatalogueItem,
    CatalogueSource,
    Creative,
    Exploration,
    Holdout,
    Objective,
    Policy,
    SignalType,
    Slot,
    Weighted,
)
from clew.templates import Template, compile_template
from clew.trust.purposes import Purposes

__all__ = [
    "CompiledCreative",
    "CompiledHoldout",
    "CompiledItems",
    "CompiledObjective",
    "CompiledPolicy",
    "CompiledSlot",
    "Reader",
    "compile_policy",
    "digest",
]

_FOREVER = float("inf")

#: Outcome types that an objective may name instead of a signal.
OUTCOMES_AS_SIGNALS = frozenset({"interacted", "converted"})

Reader: TypeAlias = tuple[str, ...]
"""A path split at its dots."""

ItemReader: TypeAlias = Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]] | None]
"""Reads the item that a signal names, with its fields."""


def digest(*parts: Any) -> str:
    """Name a piece of law by 16 hex digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@frozen
class CompiledObjective:
    """An objective and how its value is read off a signal."""

    objective: Objective
    _value: Rule | None

    @property
    def id(self) -> str:
        """The objective's name."""
        return self.objective.id

    @property
    def reached_or_not(self) -> bool:
        """Whether it is a yes or no: the first signal counts, and each is worth the same."""
        return self.objective.count == "first" and self._value is None

    def value(self, signal: Mapping[str, Any]) -> float | None:
        """
        What one signal is worth, before clipping; 1 where no value is declared.

        None when it says no number, or money in another currency than the objective's (RULES L5).
        """
        if self._value is None:
            return 1.0
        data = signal.get("data") or {}
        currency = self.objective.currency
        if currency is not None and data.get("currency", currency) != currency:
            return None
        worth = self._value(signal)
        if isinstance(worth, bool) or not isinstance(worth, int | float):
            return None
        return float(worth)

    def clip(self, value: float) -> float:
        """Bound a value to [value_min, value_max]."""
        return min(max(value, self.objective.value_min), self.objective.value_max)


@frozen
class Filling:
    """The content of one creative in one locale: fixed values and templates."""

    fixed: Mapping[str, Any]
    templates: tuple[tuple[str, Template], ...]
    #: Whether every template can be filled whatever is missing.
    total: bool

    def fill(self, view: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fill the templates; None when one of them would leave a gap (C47)."""
        content = dict(self.fixed)
        for name, template in self.templates:
            text = template.render(view)
            if text is None:
                return None
            content[name] = text
        return content


@frozen(eq=False)
class CompiledCreative:
    """A creative with its rule and templates compiled."""

    creative: Creative
    id: str
    version: str
    when: Rule | None
    #: Seconds since the epoch; open ends are infinite.
    starts_at: float
    ends_at: float
    channels: frozenset[str]
    #: Always eligible where the request names no locale.
    unconditional: bool
    #: What it learns under; its own id unless it shares.
    learning_key: str
    #: Looks at nothing but the request, so it may be shown without any permission.
    contextual: bool
    fillings: Mapping[str, Filling]
    #: Paths which content and rule can read.
    reads: frozenset[str]
    #: Paths of the profile which the content can read.
    content_reads: tuple[Reader, ...]

    def filling(self, locale: str | None, fallback: str) -> Filling | None:
        """Choose the content for a locale: itself, its language, then the policy's locale."""
        fillings = self.fillings
        if locale is not None:
            found = fillings.get(locale) or fillings.get(locale.partition("-")[0])
            if found is not None:
                return found
        return fillings.get(fallback)


@frozen(eq=False)
class CompiledHoldout:
    """A holdout with its schedule and epoch."""

    holdout: Holdout
    id: str
    starts_at: float
    ends_at: float
    #: Changes with salt, scope or share (RULES M7).
    epoch: str

    def holds_at(self, now: float) -> bool:
        """Whether it is running."""
        return self.starts_at <= now < self.ends_at


@frozen(eq=False)
class CompiledItems:
    """How a list slot is filled from a catalogue."""

    #: The catalogue's id and its listed items.
    name: str
    catalogue: Mapping[str, CatalogueItem]
    count: int
    candidates: int
    pinned: Reader | None
    #: Key of the counts of a `together` trait: of items; with `:item` behind it, of its partners.
    pairs: str | None
    #: Reads the items that a signal names.
    of: Read | None
    filling: Filling
    pinned_because: Template
    drawn_because: Template


@frozen(eq=False)
class CompiledSlot:
    """A slot with everything that may fill it."""

    slot: Slot
    id: str
    purpose: str
    creatives: tuple[CompiledCreative, ...]
    names: tuple[str, ...]
    default: CompiledCreative
    #: Whether every creative is always eligible where the request names no locale.
    unconditional: bool
    #: Whether a creative is essential (RULES D10).
    has_essential: bool
    features: Features
    model: Model
    #: What is believed of an arm that has learned nothing.
    prior: Prior
    #: Part of every state key: features and reward (RULES L4).
    model_digest: str
    #: Where the counts of the slot live: rounds, and displays by learning key.
    tally_key: str
    exploration: Exploration
    #: The first objective's id.
    objective: str
    objectives: tuple[CompiledObjective, ...]
    terms: Mapping[str, Term]
    #: The longest window of its objectives, in seconds.
    window_seconds: float
    holdouts: tuple[CompiledHoldout, ...]
    #: Of a `split` slot: creative ids and the upper bounds of their shares.
    split: tuple[tuple[str, ...], tuple[float, ...]]
    #: What a subject's place among the shares is hashed with.
    split_salt: str
    #: Names the experiment that the shares of a `split` slot are; another epoch, another one.
    split_epoch: str
    items: CompiledItems | None
    #: The instants at which a schedule of something here begins or ends, ascending.
    boundaries: tuple[float, ...]
    #: Paths of the context that anything here can read.
    context_reads: tuple[tuple[str, Reader], ...]

    #: By learning key, where the state of an arm lives.
    _state_keys: dict[str, str]

    def state_key(self, learning_key: str) -> str:
        """Where the state of one arm lives (RULES L4; the tenant is the store's)."""
        key = self._state_keys.get(learning_key)
        if key is None:
            group = self.slot.slot_group or self.id
            key = self._state_keys[learning_key] = f"arm:{group}:{learning_key}:{self.model_digest}"
        return key


@frozen(eq=False)
class CompiledPolicy:
    """A policy version, ready."""

    policy: Policy
    purposes: Purposes
    traits: Mapping[str, CompiledTrait]
    _traits_of_signal: Mapping[str, tuple[CompiledTrait, ...]]
    #: Names the set of folded traits: another digest, and profiles are folded anew.
    fold_digest: str
    segments: tuple[tuple[str, Rule], ...]
    slots: Mapping[str, CompiledSlot]
    objectives: Mapping[str, CompiledObjective]
    objectives_of_signal: Mapping[str, tuple[CompiledObjective, ...]]
    slots_of_objective: Mapping[str, tuple[CompiledSlot, ...]]
    signal_types: Mapping[str, SignalType]
    #: Every type that is taken; None takes any.
    known_signals: frozenset[str] | None
    _signal_purposes: Mapping[str, tuple[str, ...]]
    holdouts: Mapping[str, CompiledHoldout]
    #: By type of signal, the catalogues that learn from it and what they read.
    item_sources: Mapping[str, tuple[tuple[str, ItemReader], ...]]
    #: Traffic that learns and is measured (RULES F3).
    traffic: frozenset[str]
    #: Answers of `traits_for`: there are few types, and few sets of purposes.
    _traits_for: dict[tuple[str, ...], tuple[CompiledTrait, ...]] = field(factory=dict, init=False)

    def traits_for(self, signal: str, purposes: Iterable[str]) -> tuple[CompiledTrait, ...]:
        """The traits that a type of signal is folded into, as far as its purposes cover them."""
        key = (signal, *purposes)
        found = self._traits_for.get(key)
        if found is None:
            covers = self.purposes.covers
            found = self._traits_for[key] = tuple(
                trait
                for trait in self._traits_of_signal.get(signal, ())
                if any(covers(purpose, trait.purpose) for purpose in key[1:])
            )
        return found

    def purposes_of(self, signal: str) -> tuple[str, ...]:
        """The purposes a type of signal serves (RULES F5)."""
        return self._signal_purposes.get(signal, ())


def compile_policy(policy: Policy) -> CompiledPolicy:
    """
    Compile a policy.

    Raises:
        DocumentError: a rule or template does not compile.
    """
    traits = {t.path: t for t in (compile_trait(trait) for trait in policy.traits)}
    objectives = {
        o.id: CompiledObjective(o, _rule(o.value, f"/objectives/{i}/value"))
        for i, o in enumerate(policy.objectives)
    }
    holdouts = {holdout.id: _holdout(holdout) for holdout in policy.holdouts}
    segments = tuple(
        (segment.id, compile_rule(segment.when, pointer=f"/segments/{i}/when"))
        for i, segment in enumerate(policy.segments)
    )
    creatives = [
        _creative(creative, policy.locale, f"/creatives/{i}")
        for i, creative in enumerate(policy.creatives)
    ]
    slots = {
        slot.id: _slot(slot, policy, creatives, objectives, holdouts, traits, f"/slots/{i}")
        for i, slot in enumerate(policy.slots)
    }
    return CompiledPolicy(
        policy=policy,
        purposes=Purposes(policy.purposes),
        traits=traits,
        traits_of_signal=_grouped((trait.signal, trait) for trait in traits.values()),
        fold_digest=digest(sorted(trait.digest for trait in traits.values())),
        segments=segments,
        slots=slots,
        objectives=objectives,
        objectives_of_signal=_grouped((o.objective.signal, o) for o in objectives.values()),
        slots_of_objective=_grouped((o.id, s) for s in slots.values() for o in s.objectives),
        signal_types={signal.id: signal for signal in policy.signals or ()},
        known_signals=_known_signals(policy),
        signal_purposes=_signal_purposes(policy),
        holdouts=holdouts,
        item_sources=_grouped(
            (c.learn.signal, (c.id, _item_reader(c.learn)))
            for c in policy.catalogues
            if c.learn is not None
        ),
        traffic=frozenset(policy.traffic),
    )


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, tuple[Any, ...]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for name, value in pairs:
        groups[name].append(value)
    return {name: tuple(values) for name, values in groups.items()}


def _rule(source: Any, pointer: str) -> Rule | None:
    return None if source is None else compile_rule(source, pointer=pointer)


def _schedule(starts_at: str | None, ends_at: str | None) -> tuple[float, float]:
    start = -_FOREVER if starts_at is None else instant(starts_at)
    return start, _FOREVER if ends_at is None else instant(ends_at)


def _known_signals(policy: Policy) -> frozenset[str] | None:
    if policy.signals is None:
        return None
    # What a trait or an objective reads by name is declared by that.
    return frozenset(
        [signal.id for signal in policy.signals]
        + [trait.signal for trait in policy.traits]
        + [objective.signal for objective in policy.objectives]
    )


def _signal_purposes(policy: Policy) -> dict[str, tuple[str, ...]]:
    derived: dict[str, dict[str, None]] = defaultdict(dict)
    for trait in policy.traits:
        derived[trait.signal][trait.purpose] = None
    signal_of = {objective.id: objective.signal for objective in policy.objectives}
    for slot in policy.slots:
        for objective in _weighted(slot):
            derived[signal_of[objective.id]][slot.purpose] = None
    stated = {signal.id: signal.purposes for signal in policy.signals or () if signal.purposes}
    return {name: tuple(purposes) for name, purposes in derived.items()} | stated


def _weighted(slot: Slot) -> tuple[Weighted, ...]:
    if isinstance(slot.objective, str):
        return (Weighted(id=slot.objective, weight=1.0),)
    return slot.objective


def _holdout(holdout: Holdout) -> CompiledHoldout:
    starts_at, ends_at = _schedule(holdout.starts_at, holdout.ends_at)
    return CompiledHoldout(
        holdout,
        holdout.id,
        starts_at,
        ends_at,
        epoch=digest(holdout.salt, holdout.share, holdout.scope),
    )


def _creative(creative: Creative, locale: str, pointer: str) -> CompiledCreative:
    starts_at, ends_at = _schedule(creative.starts_at, creative.ends_at)
    when = _rule(creative.when, f"{pointer}/when")
    fillings = {
        locale: _filling(content, f"{pointer}/content/{locale}")
        for locale, content in creative.content.items()
    }
    content_reads = frozenset[str]().union(
        *(template.reads for filling in fillings.values() for _, template in filling.templates)
    )
    reads = content_reads | (when.reads if when is not None else frozenset())
    return CompiledCreative(
        creative,
        creative.id,
        creative.version,
        when,
        starts_at,
        ends_at,
        frozenset(creative.channels),
        unconditional=(starts_at, ends_at) == (-_FOREVER, _FOREVER)
        and when is None
        and not creative.channels
        and locale in fillings
        and fillings[locale].total,
        learning_key=creative.learning_key or creative.id,
        contextual=when is not None and all(_is_context(path) for path in reads),
        fillings=fillings,
        reads=reads,
        content_reads=tuple(tuple(path.split(".")) for path in sorted(content_reads)),
    )


def _is_context(path: str) -> bool:
    return path.partition(".")[0] == "context"


def _in_context(path: str) -> bool:
    """Whether a path names something inside the context, not the context as a whole."""
    return path.startswith("context.")


def _filling(content: Mapping[str, Any], pointer: str) -> Filling:
    fixed, templates = {}, []
    for name, value in content.items():
        template = (
            compile_template(value, pointer=f"{pointer}/{name}") if isinstance(value, str) else None
        )
        if template is None or template.is_static:
            fixed[name] = value
        else:
            templates.append((name, template))
    total = all(template.render({}) is not None for _, template in templates)
    return Filling(fixed, tuple(templates), total)


def _slot(
    slot: Slot,
    policy: Policy,
    creatives: Iterable[CompiledCreative],
    objectives: Mapping[str, CompiledObjective],
    holdouts: Mapping[str, CompiledHoldout],
    traits: Mapping[str, CompiledTrait],
    pointer: str,
) -> CompiledSlot:
    live = [c for c in creatives if slot.id in c.creative.slots and c.creative.status == "live"]
    weighted = _weighted(slot)
    chosen = tuple(objectives[w.id] for w in weighted)
    terms = {
        w.id: Term(w.weight, o.value_min, o.value_max, o.scale)
        for w, o in ((w, objectives[w.id].objective) for w in weighted)
    }
    features = compile_features(slot.features)
    # One objective that is reached or not is a probability; anything else is a number (RULES L5).
    binary = len(chosen) == 1 and chosen[0].reached_or_not
    model = LOGISTIC if binary else LINEAR
    law = [(o.id, o.objective.signal, o.objective.value, o.objective.count) for o in chosen]
    weights = [(t.weight, t.value_min, t.value_max, t.scale) for t in terms.values()]
    # Conversions are rarer than not; of a value nothing is known, so nothing is promised.
    prior = Prior() if model is LOGISTIC else Prior(bias=0.0)
    belief = (prior.precision, prior.bias)
    model_digest = digest(features.digest, model.name, belief, law, weights)
    group = slot.slot_group or slot.id
    items = None if slot.items is None else _items(slot, policy, traits, pointer)
    return CompiledSlot(
        slot=slot,
        id=slot.id,
        purpose=slot.purpose,
        creatives=tuple(live),
        names=tuple(creative.id for creative in live),
        unconditional=all(creative.unconditional for creative in live),
        has_essential=any(creative.creative.essential for creative in live),
        default=next(c for c in creatives if c.id == slot.default),
        features=features,
        model=model,
        prior=prior,
        model_digest=model_digest,
        tally_key=f"slot:{group}:{model_digest}",
        exploration=slot.exploration,
        objective=chosen[0].id,
        objectives=chosen,
        terms=terms,
        window_seconds=max(o.objective.window_seconds for o in chosen),
        holdouts=tuple(h for h in holdouts.values() if _in_scope(h.holdout, slot.id)),
        split=(tuple(slot.shares), cumulate(tuple(slot.shares.values()))),
        split_salt=f"split:{slot.id}",
        split_epoch=digest(sorted(slot.shares.items()), slot.default),
        items=items,
        boundaries=_boundaries([*live, *holdouts.values()]),
        context_reads=_context_reads(live, features, policy),
        state_keys={},
    )


def _item_reader(source: CatalogueSource) -> ItemReader:
    item = read_path(source.item)
    named = {"name": source.name, "price": source.price}
    fields = {field: read_path(path) for field, path in named.items() if path is not None}

    def read(signal: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        name = key(item(signal))
        if name is None:
            return None
        values = {field: value(signal) for field, value in fields.items()}
        return name, {field: value for field, value in values.items() if value is not None}

    return read


def _in_scope(holdout: Holdout, slot: str) -> bool:
    return holdout.scope == "all" or slot in holdout.scope


def _boundaries(scheduled: Iterable[CompiledCreative | CompiledHoldout]) -> tuple[float, ...]:
    edges = {edge for thing in scheduled for edge in (thing.starts_at, thing.ends_at)}
    return tuple(sorted(edge for edge in edges if abs(edge) != _FOREVER))


def _context_reads(
    creatives: Iterable[CompiledCreative], features: Features, policy: Policy
) -> tuple[tuple[str, Reader], ...]:
    # Eligibility looks at these two whatever the rules say.
    paths = {"context.channel", "context.locale", *features.paths}
    for creative in creatives:
        paths |= creative.reads
    for segment in policy.segments:
        paths |= compile_rule(segment.when).reads
    return tuple((path, tuple(path.split("."))) for path in sorted(paths) if _in_context(path))


def _items(
    slot: Slot, policy: Policy, traits: Mapping[str, CompiledTrait], pointer: str
) -> CompiledItems:
    items = slot.items
    assert items is not None  # noqa: S101 - the caller looked
    catalogue = next(c for c in policy.catalogues if c.id == items.catalogue)
    together = traits.get(f"computed.{items.together}")
    of = next((t.of for t in policy.traits if t.id == items.together), None)
    return CompiledItems(
        name=catalogue.id,
        catalogue={item.id: item for item in catalogue.items},
        count=items.count,
        candidates=items.candidates,
        pinned=None if items.pinned is None else tuple(items.pinned.split(".")),
        pairs=None if together is None else f"pairs:{together.digest}",
        of=None if of is None else read_path(of),
        filling=_filling(items.content, f"{pointer}/items/content"),
        pinned_because=compile_template(items.pinned_because),
        drawn_because=compile_template(items.drawn_because),
    )
