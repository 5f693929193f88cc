"""
The two ports: `Store` is what a database can promise, `Backend` is what a client needs.

A database author writes a `Store` only, and `Embedded(store)` makes a `Backend` of it. Rules that
every store keeps, and that the conformance tests hold it to:

- A *place* is `(bucket, tenant)`; it leads every key, so that one person lives in one bucket and
  the same layout distributes (`bucket = murmur3_32("tenant:subject") mod 1024`).
- `write()` is one atomic transaction: everything in it becomes visible together or not at all, and
  survives the death of the process once the block has been left. Writers are serialised.
- `read()` is one consistent snapshot, and never waits for a writer.
- Facts are append-only and known by (place, kind, id). Sums are added to, never set.
- Bodies are opaque bytes; a store never looks inside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from attrs import Factory, frozen

from clew.model.batch import ItemResult
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.policy import Policy
from clew.model.profile import Profile
from clew.model.request import DecisionRequest

__all__ = [
    "Admission",
    "Backend",
    "FactKey",
    "Kind",
    "Place",
    "Reading",
    "Store",
    "Trial",
    "Writing",
]

#: (bucket in 0..1023, tenant).
Place: TypeAlias = tuple[int, str]

Kind: TypeAlias = Literal["signal", "consent", "identity", "decision", "outcome"]


@frozen(kw_only=True)
class Trial:
    """One triggered subject of one experiment: who entered when, on which side (RULES M4)."""

    #: A holdout's id, or `slot:<id>` for a split slot.
    experiment: str
    #: Began when the experiment's salt, scope or share last changed (RULES M7).
    epoch: str
    subject: str
    arm: str
    #: Seconds since the epoch.
    triggered_at: float
    policy_version: str
    #: When it stopped counting because its subject was linked to one with a trial of its own.
    left_at: float | None = None
    #: The anonymous subject it was opened for, when it moved with a link.
    opened_by: str | None = None
    #: By objective: [value inside the window, number of outcomes, value of the 28 days before].
    values: Mapping[str, tuple[float, int, float]] = Factory(dict)


FactKey: TypeAlias = tuple[Place, Kind, str]
"""A fact by its id, or in `Writing.foresee` those that name a reference."""


class Reading(Protocol):
    """What can be asked of a snapshot."""

    def person(self, place: Place, subject: str, /) -> tuple[int, bytes] | None:
        """Give (version, body) of a subject's document; the version rises with each change."""
        ...

    def version(self, place: Place, subject: str, /) -> int:
        """Give the version of a subject's document by one indexed read; 0 when there is none."""
        ...

    def known(self, place: Place, kind: Kind, ids: Iterable[str], /) -> set[str]:
        """Give those of the ids that are stored."""
        ...

    def fact(self, place: Place, kind: Kind, id: str, /) -> bytes | None:
        """Give the body of one fact."""
        ...

    def facts(
        self,
        place: Place,
        kind: Kind,
        subject: str,
        /,
        *,
        since: float = -1e18,
        until: float = 1e18,
    ) -> Iterator[bytes]:
        """Give the facts about a subject with since <= at < until, ordered by (at, id)."""
        ...

    def referring(self, place: Place, kind: Kind, ref: str, /) -> Iterator[bytes]:
        """Give the facts that name `ref` (outcomes of a decision), ordered by (at, id)."""
        ...

    def sums(self, tenant: str, key: str, /) -> dict[str, float]:
        """Give all sums under a key, by name."""
        ...

    def trials(self, tenant: str, experiment: str, /) -> Iterator[Trial]:
        """Give every trial of an experiment, in any order."""
        ...

    def setting(self, tenant: str, name: str, /) -> bytes | None:
        """Give a stored setting (a policy, a key)."""
        ...

    def settings(self, tenant: str, prefix: str, /) -> dict[str, bytes]:
        """Give all settings whose name begins with the prefix."""
        ...


class Writing(Reading, Protocol):
    """What can be done in a transaction; reads see its own writes."""

    @property
    def follows(self) -> int | None:
        """
        The number of `Store.changes` that this transaction comes right after.

        Whoever has seen that number, and knows what is written here, knows all that is stored. None
        where somebody else may have committed since, on whom no number was told yet.
        """
        ...

    @property
    def number(self) -> int:
        """What `Store.changes` will give once this is committed."""
        ...

    def foresee(self, facts: Iterable[FactKey], refs: Iterable[FactKey] = ()) -> None:
        """
        Be told which facts, and facts that name which `ref`, are about to be asked for or added.

        A store where each question has its price looks for all of them at once.
        """
        ...

    def add_fact(
        self,
        place: Place,
        kind: Kind,
        id: str,
        body: bytes,
        /,
        *,
        subject: str,
        at: float,
        ref: str = "",
    ) -> bool:
        """Store a fact; False when (place, kind, id) is known, and then nothing changes."""
        ...

    def put_people(self, documents: Sequence[tuple[Place, str, bytes]], /) -> list[int]:
        """
        Set the documents of different subjects; gives the new version of each.

        It is greater than the one before. A document that was removed and is made anew has no
        version again that it had before.
        """
        ...

    def add_sums(self, tenant: str, key: str, deltas: Mapping[str, float], /) -> None:
        """Add to the sums under a key; absent ones begin at 0."""
        ...

    def put_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        """Set the trial of (experiment, epoch, subject)."""
        ...

    def drop_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        """Remove the trial of (experiment, epoch, subject), if there is one."""
        ...

    def put_setting(self, tenant: str, name: str, body: bytes, /) -> None:
        """Set a setting."""
        ...


class Store(Protocol):
    """What a database can promise."""

    def read(self) -> AbstractContextManager[Reading]:
        """Open a snapshot; it may be used by the opening thread only."""
        ...

    def write(self) -> AbstractContextManager[Writing]:
        """Open a transaction; an exception inside undoes it."""
        ...

    def changes(self) -> int:
        """
        Give a number that changes whenever anything was committed by anyone meanwhile.

        It is asked before every decision, so it costs a microsecond at most.
        """
        ...

    def facts_of(self, tenant: str, kind: Kind, /) -> Iterator[bytes]:
        """Scan all facts of a kind, ordered by (at, id) within each bucket."""
        ...

    def status(self) -> dict[str, Any]:
        """Say where the data lies, its schema version and how many facts of each kind there are."""
        ...

    def close(self) -> None:
        """Release what is held; safe to call twice."""
        ...


class Admission(NamedTuple):
    """What became of a fact that is about to be made durable."""

    #: `applied`, `duplicate`, `late`, `queued` or `refused`.
    status: str
    #: The encoded batch item to put into the spool; None when there is nothing to keep.
    payload: bytes | None = None
    #: Why it was refused, as counted in `losses`.
    cause: str | None = None


class Backend(Protocol):
    """What a client needs, wherever the data lies."""

    def admit(self, item: dict[str, Any], /) -> Admission:
        """
        Take note of a signal or outcome which the caller makes durable next.

        After this returns, decisions in this process see it (RULES F4); permission is checked and
        stamped (F5).

        Raises:
            DocumentError: the policy does not take this signal; nothing was noted.
        """
        ...

    def append(self, items: Iterable[bytes], /) -> list[ItemResult]:
        """
        Store encoded batch items, in order, each once; one result per item.

        Raises:
            BackendUnavailableError: nothing was stored; the same call may be repeated.
        """
        ...

    def decide(self, request: DecisionRequest, /) -> tuple[dict[str, Decision], list[bytes]]:
        """Fill slots; gives the decisions and the records the caller makes durable next."""
        ...

    def measure(
        self, objective: str | None = None, /, *, holdout: str | None = None, looks: int = 0
    ) -> list[Measurement]:
        """Give lift against the holdout, per objective (RULES M), and how it came about."""
        ...

    def policy(self) -> Policy | None:
        """Give the live policy."""
        ...

    def subject(self, subject: str, /) -> Profile:
        """Give what is known of a subject now."""
        ...

    def decision(self, id: str, /) -> Decision | None:
        """Give a recorded decision."""
        ...

    def decisions(self, subject: str, /, *, within_seconds: float) -> list[Decision]:
        """Give a person's stored decisions of the last seconds, newest first; not voided ones."""
        ...

    def read_token(self, token: str, /) -> str | None:
        """
        Give the decision a token proves; None when the token has expired.

        Raises:
            TokenError: it was not issued here.
        """
        ...

    def derive_keys(self, purpose: str, /) -> tuple[bytes, ...]:
        """Give 32-byte keys for one purpose, derived from the signing keys, newest first (K1)."""
        ...

    def close(self) -> None:
        """Release what is held; safe to call twice."""
        ...
