"""
The policy document (`schemas/policy.schema.json`): everything a team declares, in one version.

These are values only. `clew.policy` checks that they fit together; the engine compiles them.
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import Factory, field, frozen, validators

from clew.model.limits import identifier, name, optional_share, positive, share
from clew.model.words import Basis, Channel, CountsOn, FieldType, Party, Sticky, Strategy, TraitKind

__all__ = [
    "Cap",
    "Catalogue",
    "CatalogueItem",
    "CatalogueSource",
    "Creative",
    "Exploration",
    "Field",
    "Holdout",
    "Items",
    "Journey",
    "Moment",
    "Objective",
    "Policy",
    "Purpose",
    "Segment",
    "SignalType",
    "Slot",
    "Suppression",
    "Trait",
    "Weighted",
]

Rule = Any
"""A JSONLogic condition (profile clew-1)."""

Aggregate = Literal[
    "count",
    "sum",
    "min",
    "max",
    "last",
    "first",
    "distinct",
    "recency",
    "decayed",
    "affinity",
    "together",
]

_maybe_positive = validators.optional(positive)


@frozen(kw_only=True)
class Purpose:
    """What data is used for, on which ground, and what the person gets in return."""

    id: str = field(validator=name)
    basis: Basis
    #: A purpose whose permission covers this one.
    parent: str | None = None
    #: What the person gets for it, in their words.
    value: str | None = None
    retention_days: float | None = field(default=None, validator=_maybe_positive)


@frozen(kw_only=True)
class Field:
    """One field of a signal's data or of a slot's content."""

    type: FieldType
    required: bool = False
    #: Longest text in characters, or largest number.
    max: float | None = None
    #: Smallest number.
    min: float | None = None
    enum: tuple[Any, ...] | None = None


@frozen(kw_only=True)
class SignalType:
    """A type of signal that is taken, its fields and the purposes it serves."""

    id: str = field(validator=name)
    purposes: tuple[str, ...] = ()
    #: By name; fields that are not declared here are dropped when emitted. None takes all.
    fields: Mapping[str, Field] | None = None
    owner: str | None = None


@frozen(kw_only=True)
class Objective:
    """What is to be achieved, named by a signal (RULES M1)."""

    id: str = field(validator=name)
    signal: str = field(validator=name)
    #: The worth of one signal: a rule over `data`, `channel`, `department`; without it, 1.
    value: Rule = None
    count: Literal["first", "every", "sum"] = "first"
    window_seconds: float = field(default=86_400.0, validator=positive)
    direction: Literal["up", "down"] = "up"
    role: Literal["primary", "secondary", "guardrail"] = "primary"
    #: The largest relative loss a guardrail tolerates, as a share.
    max_drop: float | None = field(default=None, validator=optional_share)
    value_min: float = 0.0
    value_max: float = 1.0
    #: What a value is divided by before it is weighed with others.
    scale: float = field(default=1.0, validator=positive)
    currency: str | None = field(
        default=None, validator=validators.optional(validators.matches_re(r"[A-Z]{3}"))
    )
    parent: str | None = None
    formula: str | None = None
    kpi: str | None = None
    key_result: str | None = None
    owner: str | None = None
    department: str | None = None


@frozen(kw_only=True)
class Weighted:
    """An objective's share in what a slot maximises."""

    id: str = field(validator=name)
    weight: float = field(validator=positive)


@frozen(kw_only=True)
class Trait:
    """
    One named value of a profile, folded from signals.

    `declared` traits take only what the person said themselves (party zero).
    """

    id: str = field(validator=name)
    signal: str = field(validator=name)
    aggregate: Aggregate
    purpose: str = field(validator=name)
    kind: TraitKind = "computed"
    #: Path of the value within the signal: `data.total`.
    of: str | None = None
    #: Path of the weight of each occurrence (`data.quantity`), for decayed and affinity; default 1.
    weight: str | None = None
    #: Path of the basket that keeps things together: `data.order`; for together.
    by: str | None = None
    #: Only signals for which this rule holds; it sees `data`, `channel`, `party`, `source`.
    where: Rule = None
    window_seconds: float | None = field(default=None, validator=_maybe_positive)
    half_life_seconds: float | None = field(default=None, validator=_maybe_positive)
    #: How many entries an affinity shows.
    top: int = field(default=5, validator=[validators.ge(1), validators.le(100)])
    #: The catalogue whose items `of` names; required for together.
    catalogue: str | None = None
    #: What this is, in the person's words: "pages you viewed".
    plain: str | None = None
    owner: str | None = None


@frozen(kw_only=True)
class Segment:
    """A named condition over a profile; membership is computed when deciding."""

    id: str = field(validator=name)
    when: Rule
    plain: str | None = None
    owner: str | None = None


@frozen(kw_only=True)
class Exploration:
    """How a bandit explores (RULES L3)."""

    #: γ of SquareCB; the gap weight is γ·√t.
    gamma: float = field(default=30.0, validator=positive)
    #: Divided by the number of candidates k: the least probability of each.
    floor: float = field(default=0.01, validator=share)
    #: The same for a creative that has been displayed fewer than `new_displays` times.
    new_floor: float = field(default=0.5, validator=share)
    new_displays: int = field(default=200, validator=validators.ge(0))


@frozen(kw_only=True)
class Items:
    """
    A list slot filled from a catalogue: what the person usually takes, then something with it.

    Position 0 is pinned to the top of the affinity trait `pinned`; the others are drawn without
    replacement among the items most often found together with it (RULES D9).
    """

    catalogue: str = field(validator=name)
    #: Positions in all.
    count: int = field(default=2, validator=[validators.ge(1), validators.le(50)])
    #: Path of an affinity trait: `computed.usual`.
    pinned: str | None = None
    #: Id of a `together` trait whose counts propose the candidates.
    together: str | None = None
    #: How many candidates are drawn from.
    candidates: int = field(default=8, validator=[validators.ge(1), validators.le(100)])
    #: Content of an entry by field: templates over `item.*` and the profile.
    content: Mapping[str, str] = Factory(dict)
    #: Said of the pinned entry and of a drawn one; templates over `item.*` and the profile.
    pinned_because: str = "you have this most often"
    drawn_because: str = "others take this with it"


@frozen(kw_only=True)
class Slot:
    """A place on a surface, and how it is filled."""

    id: str = field(validator=name)
    strategy: Strategy
    #: The creative shown when nothing else may be.
    default: str = field(validator=name)
    #: One id, or several with weights.
    objective: str | tuple[Weighted, ...]
    purpose: str = field(validator=name)
    #: Paths of the profile and context which the bandit may tell visitors apart by.
    features: tuple[str, ...] = ()
    #: Content fields and what fits into them.
    fields: Mapping[str, Field] = Factory(dict)
    sticky: Sticky = "session"
    sticky_seconds: float | None = field(default=None, validator=_maybe_positive)
    counts_on: CountsOn = "displayed"
    #: Shares by creative, for `split`; they sum to at most 1, the rest gets the default.
    shares: Mapping[str, float] = Factory(dict)
    exploration: Exploration = Factory(Exploration)
    items: Items | None = None
    #: Slots of one group learn together; default: the slot's own id.
    slot_group: str | None = None
    channels: tuple[Channel, ...] = ()
    #: Higher is decided first when several slots are filled at once.
    priority: float = 0.0
    #: Longest age of a decision before it is asked for again.
    ttl_seconds: float | None = field(default=None, validator=_maybe_positive)
    reserve_seconds: float | None = field(default=None, validator=_maybe_positive)
    owner: str | None = None


@frozen(kw_only=True)
class Creative:
    """A versioned candidate content for slots."""

    id: str = field(validator=name)
    version: str = field(validator=identifier)
    slots: tuple[str, ...]
    #: By locale (BCP 47), then by field; text may be a template.
    content: Mapping[str, Mapping[str, Any]]
    #: Eligible only where this rule holds.
    when: Rule = None
    tags: tuple[str, ...] = ()
    #: Order in `priority` slots, higher first.
    priority: float = 0.0
    status: Literal["draft", "live", "retired"] = "live"
    starts_at: str | None = None
    ends_at: str | None = None
    channels: tuple[Channel, ...] = ()
    #: Creatives with one key learn together; default: the creative's own id.
    learning_key: str | None = None
    #: Ignores holdouts and is never measured (RULES D10).
    essential: bool = False
    owner: str | None = None


@frozen(kw_only=True)
class Holdout:
    """A share of subjects kept on the default, to measure against (RULES M7)."""

    id: str = field(validator=name)
    salt: str
    share: float = field(validator=share)
    #: Everything, or these slots.
    scope: Literal["all"] | tuple[str, ...] = "all"
    serve: Literal["default", "nothing"] = "default"
    starts_at: str | None = None
    ends_at: str | None = None


@frozen(kw_only=True)
class Cap:
    """How often creatives with a tag may be shown to one person."""

    id: str = field(validator=name)
    tag: str
    limit: int = field(validator=validators.ge(1))
    window_seconds: float = field(validator=positive)


@frozen(kw_only=True)
class Suppression:
    """When creatives with these tags must not be shown."""

    id: str = field(validator=name)
    when: Rule
    tags: tuple[str, ...]
    plain: str | None = None
    owner: str | None = None


@frozen(kw_only=True)
class Journey:
    """States a person moves through, across channels."""

    id: str = field(validator=name)
    states: tuple[str, ...]
    transitions: tuple[Mapping[str, Any], ...] = ()
    purpose: str | None = None
    lateness_seconds: float | None = field(default=None, validator=_maybe_positive)
    owner: str | None = None


@frozen(kw_only=True)
class Moment:
    """A declared moment of truth: while it holds, its creatives outrank ordinary ones."""

    id: str = field(validator=name)
    when: Rule
    creatives: tuple[str, ...]
    priority: float = 0.0
    essential: bool = False
    plain: str | None = None
    owner: str | None = None


@frozen(kw_only=True)
class CatalogueItem:
    """One entry of a catalogue; other fields of the source are kept in `data`."""

    id: str = field(validator=identifier)
    name: str | None = None
    price: float | None = None
    available: bool = True
    data: Mapping[str, Any] = Factory(dict)


@frozen(kw_only=True)
class CatalogueSource:
    """Where a catalogue learns its items from: paths in a signal, the newest value wins."""

    signal: str = field(validator=name)
    item: str
    name: str | None = None
    price: str | None = None


@frozen(kw_only=True)
class Catalogue:
    """The items that can be recommended."""

    id: str = field(validator=name)
    items: tuple[CatalogueItem, ...] = ()
    #: Items that are not listed are added as they appear in signals.
    learn: CatalogueSource | None = None
    owner: str | None = None


@frozen(kw_only=True)
class Policy:
    """A bundle of everything, under one id and version."""

    id: str = field(validator=name)
    version: str = field(validator=identifier)
    purposes: tuple[Purpose, ...]
    objectives: tuple[Objective, ...] = field(validator=validators.min_len(1))
    slots: tuple[Slot, ...]
    creatives: tuple[Creative, ...]
    #: When present, other types of signal are refused.
    signals: tuple[SignalType, ...] | None = None
    traits: tuple[Trait, ...] = ()
    segments: tuple[Segment, ...] = ()
    holdouts: tuple[Holdout, ...] = ()
    caps: tuple[Cap, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    catalogues: tuple[Catalogue, ...] = ()
    journeys: tuple[Journey, ...] = ()
    moments: tuple[Moment, ...] = ()
    #: Parties whose signals are taken.
    parties: tuple[Party, ...] = ("zero", "first", "partner")
    #: Traffic that counts besides "human"; a demo tenant may say "synthetic" (RULES F3).
    traffic: tuple[Literal["human", "synthetic"], ...] = ("human",)
    #: The locale used when the request names none, BCP 47.
    locale: str = "en"
