"""
What a compiled policy consists of: values that the engine reads and nobody changes.

`clew.engine.compile` makes them of a policy; deciding, folding and rendering read them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from clew.engine.extract import Read
from clew.engine.features import Features
from clew.engine.learn import Model, Prior, Term
from clew.engine.traits import CompiledTrait
from clew.engine.urls import is_safe
from clew.errors import Problem
from clew.logic import Rule
from clew.model.policy import (
    CatalogueItem,
    Creative,
    Exploration,
    Holdout,
    Objective,
    Policy,
    SignalType,
    Slot,
)
from clew.templates import Template
from clew.trust.purposes import Purposes

__all__ = [
    "OUTCOMES_AS_SIGNALS",
    "CompiledCreative",
    "CompiledHoldout",
    "CompiledItems",
    "CompiledObjective",
    "CompiledPolicy",
    "CompiledSlot",
    "Filling",
    "ItemReader",
    "Options",
    "Reader",
]

#: Outcome types that an objective may name instead of a signal.
OUTCOMES_AS_SIGNALS = frozenset({"interacted", "converted"})

Reader: TypeAlias = tuple[str, ...]
"""A path split at its dots."""

ItemReader: TypeAlias = Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]] | None]
"""Reads the item that a signal names, with its fields."""


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

    def misfit(self, outcome: Mapping[str, Any]) -> Problem | None:
        """Say why an outcome that was reported cannot be counted for it; None where it can (L5)."""
        currency, given = self.objective.currency, outcome.get("currency")
        if currency is not None and given not in {None, currency}:
            message = f"the objective {self.id!r} counts {currency}, not {given}: convert the value"
            return Problem("/currency", "currency", message)
        if self._value is not None and outcome.get("value") is outcome.get("reverses") is None:
            message = f"the objective {self.id!r} counts a value, and none is given: add one"
            return Problem("/value", "required", message)
        return None

    def is_in_window(self, start: float, at: float) -> bool:
        """Whether an instant is in the window that begins at another, both ends included."""
        return start <= at <= start + self.objective.window_seconds

    def clip(self, value: float) -> float:
        """Bound a value to [value_min, value_max]."""
        return min(max(value, self.objective.value_min), self.objective.value_max)


@frozen
class Filling:
    """The content of one creative in one locale: fixed values and templates."""

    fixed: Mapping[str, Any]
    templates: tuple[tuple[str, Template], ...]
    #: The fields that are addresses.
    urls: frozenset[str]
    #: Whether every template can be filled whatever is missing.
    total: bool

    def fill(self, view: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fill the templates; None when one would leave a gap (C47) or an address that runs."""
        content = dict(self.fixed)
        for name, template in self.templates:
            text = template.render(view)
            if text is None or (name in self.urls and not is_safe(text)):
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

    def filling(self, locale: object, fallback: str) -> Filling | None:
        """Choose the content for a locale: itself, its language, then the policy's locale."""
        fillings = self.fillings
        if isinstance(locale, str):  # the request tells it, and may tell anything
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
class Options:
    """What a bandit draws from; all tuples have the order of the candidates."""

    names: tuple[str, ...]
    #: Where the state of each one's arm lives (RULES L4; the tenant is the store's).
    state_keys: tuple[str, ...]
    #: What counts the displays of each in the slot's tally.
    display_keys: tuple[str, ...]

    @classmethod
    def of(cls, named: Iterable[tuple[str, str]], group: str, model_digest: str) -> "Options":
        """Name the keys of candidates; as `CompiledSlot.options_of`."""
        candidates = tuple(named)
        return cls(
            names=tuple([name for name, _ in candidates]),
            state_keys=tuple([f"arm:{group}:{key}:{model_digest}" for _, key in candidates]),
            display_keys=tuple([f"n:{key}" for _, key in candidates]),
        )


@frozen(eq=False)
class CompiledSlot:
    """A slot with everything that may fill it."""

    slot: Slot
    id: str
    purpose: str
    creatives: tuple[CompiledCreative, ...]
    #: All of them, for the usual case that nothing keeps one back.
    options: Options
    default: CompiledCreative
    #: Whether every creative is always eligible where the request names no locale.
    unconditional: bool
    #: Whether a creative is essential (RULES D10).
    has_essential: bool
    features: Features
    model: Model
    #: What is believed of an arm that has learned nothing.
    prior: Prior
    #: Parts of every state key: who shares what is learned, and features and reward (RULES L4).
    group: str
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

    def options_of(self, named: Iterable[tuple[str, str]]) -> Options:
        """Make options of candidates, each given by its name and by what it learns under."""
        return Options.of(named, self.group, self.model_digest)


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
            # Traits of one meaning have one state, which takes a signal once.
            found = self._traits_for[key] = tuple(
                {
                    trait.digest: trait
                    for trait in self._traits_of_signal.get(signal, ())
                    if any(covers(purpose, trait.purpose) for purpose in key[1:])
                }.values()
            )
        return found

    def purposes_of(self, signal: str) -> tuple[str, ...]:
        """The purposes a type of signal serves (RULES F5)."""
        return self._signal_purposes.get(signal, ())
