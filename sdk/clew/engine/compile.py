"""
A policy made ready to decide with: names resolved, rules and templates compiled, keys computed.

Everything that does not depend on the person or the moment is done here, once per policy version.
The policy is taken as checked: what `clew.policy.check_policy` refuses is not guarded against.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from clew.clock import instant
from clew.engine.bucketing import cumulate
from clew.engine.compiled import (
    CompiledCreative,
    CompiledHoldout,
    CompiledItems,
    CompiledObjective,
    CompiledPolicy,
    CompiledSlot,
    Filling,
    ItemReader,
    Options,
    Reader,
)
from clew.engine.extract import key, number, read_path
from clew.engine.features import Features, compile_features
from clew.engine.learn import LINEAR, LOGISTIC, Prior, Term
from clew.engine.traits import CompiledTrait, compile_trait
from clew.logic import Rule, compile_rule
from clew.model.policy import (
    CatalogueSource,
    Creative,
    Holdout,
    Policy,
    Slot,
    Weighted,
)
from clew.model.words import FieldType
from clew.templates import compile_template
from clew.trust.purposes import Purposes

__all__ = ["compile_policy", "digest"]

_FOREVER = float("inf")


#: How documents are folded; those that were folded otherwise are gone through once more.
_FOLDING = 2


def digest(*parts: Any) -> str:
    """Name a piece of law by 16 hex digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


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
        _creative(creative, policy, f"/creatives/{i}")
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
        fold_digest=digest(_FOLDING, sorted(trait.digest for trait in traits.values())),
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


def _of_type(slots: Sequence[Slot], kind: FieldType) -> frozenset[str]:
    """The fields that are of a type in one of the slots."""
    fields = (slot.fields.items() for slot in slots)
    return frozenset(name for named in fields for name, field in named if field.type == kind)


def _creative(creative: Creative, policy: Policy, pointer: str) -> CompiledCreative:
    starts_at, ends_at = _schedule(creative.starts_at, creative.ends_at)
    when = _rule(creative.when, f"{pointer}/when")
    locale = policy.locale
    slots = [slot for slot in policy.slots if slot.id in creative.slots]
    fillings = {
        locale: _filling(content, slots, f"{pointer}/content/{locale}")
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


def _filling(content: Mapping[str, Any], slots: Sequence[Slot], pointer: str) -> Filling:
    """Compile the templates of some content; what one puts into HTML is escaped."""
    html, urls = _of_type(slots, "html"), _of_type(slots, "url")
    fixed, templates = {}, []
    for name, value in content.items():
        template = (
            compile_template(value, escape=name in html, pointer=f"{pointer}/{name}")
            if isinstance(value, str)
            else None
        )
        if template is None or template.is_static:
            fixed[name] = value
        else:
            templates.append((name, template))
    filled = urls.isdisjoint(name for name, _ in templates) and all(
        template.render({}) is not None for _, template in templates
    )
    return Filling(fixed, tuple(templates), urls, filled)


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
        options=Options.of([(c.id, c.learning_key) for c in live], group, model_digest),
        unconditional=all(creative.unconditional for creative in live),
        has_essential=any(creative.creative.essential for creative in live),
        default=next(c for c in creatives if c.id == slot.default),
        features=features,
        model=model,
        prior=prior,
        group=group,
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
    )


def _item_reader(source: CatalogueSource) -> ItemReader:
    item = read_path(source.item)
    # Whoever sends signals writes what others read: a name is text and a price a number.
    named = {"name": (source.name, key), "price": (source.price, number)}
    fields = {field: (read_path(path), fit) for field, (path, fit) in named.items() if path}

    def read(signal: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        name = key(item(signal))
        if name is None:
            return None
        values = {field: fit(value(signal)) for field, (value, fit) in fields.items()}
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
        filling=_filling(items.content, [slot], f"{pointer}/items/content"),
        pinned_because=compile_template(items.pinned_because),
        drawn_because=compile_template(items.drawn_because),
    )
