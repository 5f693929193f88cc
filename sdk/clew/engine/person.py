"""
One person as the engine knows them: the documents of all their identities, read as one.

Each identity (a known subject, or an anonymous one linked to it) has a document of its own, and
whatever is read is a merge of them, so undoing a link is exact (RULES I2). A document holds

- `traits`: state of each computed trait by its digest; `fold` names the set it was folded for;
- `aside`: of each trait whose pairs were counted, the state while no policy wants it, else null;
- `said`: consent that was told through this identity (see `clew.trust.ledger`);
- `link` `{to, at}` of an anonymous subject, and the `crossovers` it has made where it has;
- `members` of a known one;
- `slots`: the latest decisions by slot, and `older` ones in short (see `clew.engine.entries`);
- `outcomes` by slot and objective, those `reversed` by objective (see `clew.engine.credit`);
- `trials`: see `clew.engine.trial`;
- `signals`, `seen`: how many were folded, and the instant of the latest.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from clew.engine.compiled import CompiledPolicy
from clew.engine.traits import CompiledTrait
from clew.engine.view import MergedView, Reader, TraitView
from clew.trust.ledger import Ground, permissions

__all__ = ["KINDS", "Document", "Person", "empty"]

Document: TypeAlias = dict[str, Any]

#: Kinds of traits in the order in which they win when merged (C41).
KINDS = ("declared", "observed", "computed", "predicted")

_Readable: TypeAlias = tuple[dict[str, Reader], frozenset[str]]


def empty() -> Document:
    """The document of an identity nothing is known of."""
    return {"traits": {}, "said": {}, "slots": {}, "trials": {}, "signals": 0, "seen": 0.0}


#: What a view has where a policy has no traits of a kind.
_NO_TRAITS: Mapping[str, Any] = {
    **{kind: TraitView({}, 0.0) for kind in KINDS},
    "segments": (),
    "journeys": {},
}


class Cell:
    """
    One trait of one person as a view reads it: it holds nothing else, so nothing else can leak.

    A value is kept for as long as neither time nor the states change it.
    """

    __slots__ = ("_states", "_step", "_value", "trait")

    def __init__(self, trait: CompiledTrait, states: list[Any]) -> None:
        self.trait = trait
        self.renew(states)

    def renew(self, states: list[Any]) -> None:
        """Take other states."""
        self._states = states
        self._value: Any = None
        self._step: float | None = None

    def read(self, now: float) -> Any:
        """The value at an instant."""
        seconds = self.trait.step_seconds
        if not seconds:
            return self.trait.read(self._states, now)
        step = now // seconds
        if step != self._step:
            self._value, self._step = self.trait.read(self._states, now), step
        return self._value


class Person:
    """
    The merged reading of a person's documents under one policy.

    Args:
        subject: the canonical subject.
        documents: by identity; the canonical subject's own is among them.
    """

    __slots__ = (
        "_cells",
        "_grounds",
        "_permitted",
        "_readable",
        "_stale",
        "documents",
        "policy",
        "subject",
    )

    def __init__(
        self, policy: CompiledPolicy, subject: str, documents: dict[str, Document]
    ) -> None:
        self.policy = policy
        self.subject = subject
        self.documents = documents
        self._grounds: dict[str, Ground] | None = None
        #: Answers of `permitted`: every signal asks, and they are of few types.
        self._permitted: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._readable: dict[str, dict[str, _Readable]] = {}
        #: By trait path, what views read; made when first permitted.
        self._cells: dict[str, Cell] = {}
        #: The digests of states that a signal has changed since; traits may share one.
        self._stale: set[str] = set()

    def states(self, trait: CompiledTrait) -> list[Any]:
        """The states of a trait, of every identity that has one."""
        return [
            document["traits"][trait.digest]
            for document in self.documents.values()
            if trait.digest in document["traits"]
        ]

    def changed(self, digests: Iterable[str]) -> None:
        """Note that a signal has changed the states of these digests."""
        self._stale.update(digests)

    # -- permission

    @property
    def grounds(self) -> dict[str, Ground]:
        """By purpose, whether it is permitted and on what ground."""
        if self._grounds is None:
            ledgers = [document["said"] for document in self.documents.values()]
            links = [document.get("link") for document in self.documents.values()]
            linked_at = [float(link["at"]) if link else -math.inf for link in links]
            self._grounds = permissions(self.policy.purposes, ledgers, linked_at)
        return self._grounds

    def permissions_changed(self) -> None:
        """Forget what was derived from the ledger."""
        self._grounds = None
        self._permitted.clear()
        self._readable.clear()

    def permitted(self, purposes: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the purposes that have a basis for this person."""
        found = self._permitted.get(purposes)
        if found is None:
            grounds = self.grounds
            found = tuple([p for p in purposes if p in grounds and grounds[p].permitted])
            self._permitted[purposes] = found
        return found

    # -- reading

    def view(self, purpose: str, now: float, context: Mapping[str, Any]) -> dict[str, Any]:
        """What a rule may see when deciding for a purpose: the masked view (trust.md 4.3)."""
        if self._stale:
            for cell in self._cells.values():
                if cell.trait.digest in self._stale:
                    cell.renew(self.states(cell.trait))
            self._stale.clear()
        readable = self._readable.get(purpose)
        if readable is None:
            readable = self._readable[purpose] = self._permit(purpose)
        views = {
            kind: TraitView(permitted, now, forbidden)
            for kind, (permitted, forbidden) in readable.items()
        }
        return {
            **_NO_TRAITS,
            **views,
            "traits": MergedView(views),
            "context": context,
        }

    def _permit(self, purpose: str) -> dict[str, _Readable]:
        """The readers of permitted traits and the names of the others, by kind in use."""
        grounds, covers = self.grounds, self.policy.purposes.covers
        allowed = purpose in grounds and grounds[purpose].permitted
        readable: dict[str, _Readable] = {}
        for kind in KINDS:
            traits = [trait for trait in self.policy.traits.values() if trait.kind == kind]
            permitted = {
                trait.id: self._reader(trait)
                for trait in traits
                if allowed and covers(trait.purpose, purpose) and grounds[trait.purpose].permitted
            }
            if traits:
                forbidden = frozenset(trait.id for trait in traits) - permitted.keys()
                readable[kind] = (permitted, forbidden)
        return readable

    def _reader(self, trait: CompiledTrait) -> Reader:
        cell = self._cells.get(trait.path)
        if cell is None:
            cell = self._cells[trait.path] = Cell(trait, self.states(trait))
        return cell.read

    # -- decisions

    def latest(self, slot: str) -> dict[str, Any] | None:
        """The newest kept decision of a slot; each identity's are in order."""
        newest: dict[str, Any] | None = None
        for document in self.documents.values():
            kept = document["slots"].get(slot)
            if kept and (newest is None or kept[-1]["at"] > newest["at"]):
                newest = kept[-1]
        return newest

    def entry(self, decision: str) -> dict[str, Any] | None:
        """A kept decision by its id."""
        for document in self.documents.values():
            for entries in document["slots"].values():
                for entry in entries:
                    if entry["id"] == decision:
                        return entry  # type: ignore[no-any-return]
        return None

    @property
    def trials(self) -> dict[str, dict[str, Any]]:
        """The trials that count for this person, by experiment and epoch."""
        return self.documents[self.subject]["trials"]  # type: ignore[no-any-return]

    @property
    def seen(self) -> float:
        """The instant of the latest signal, in seconds since the epoch; 0 without any."""
        return max([float(document["seen"]) for document in self.documents.values()])
