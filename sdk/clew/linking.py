"""
Linking an anonymous id to a known subject and undoing it, stored before it returns (RULES I1, I2).
"""

from collections.abc import Callable

import orjson

from clew.backends.base import Backend
from clew.clock import Clock
from clew.errors import BackendUnavailableError, IdentityError
from clew.facts import identity
from clew.ids import mint

__all__ = ["Linking", "new_anonymous"]

#: How long what was said before a link may take to be stored, in seconds.
FLUSH_SECONDS = 5.0

_FAULTS = {
    "known_subject": "both ids are known subjects, and two known subjects are never merged",
    "anonymous_subject": "the subject is itself an anonymous id that is linked to somebody",
    "not_linked": "these two ids are not linked",
}


def new_anonymous(now: float) -> str:
    """Make a new anonymous id; *now* in seconds since the epoch."""
    return f"anon-{mint(now, 0)}"


class Linking:
    """
    Links the ids of one tenant.

    Args:
        flush: delivers what was said before, within so many seconds; gives how much remains.
        trouble: gives why it remains, as far as that is known.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        tenant: str,
        flush: Callable[[float], int],
        trouble: Callable[[], str | None],
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._tenant = tenant
        self._flush = flush
        self._trouble = trouble

    def identify(self, anonymous: str, subject: str) -> str:
        """Link an anonymous id to a known subject; gives the anonymous id to go on with."""
        self._deliver_before("identify")
        cause = self._store("link", anonymous, subject)
        if cause is None:
            return anonymous
        if cause != "linked_elsewhere":
            raise IdentityError(f"{anonymous!r} and {subject!r}: {_FAULTS[cause]}")
        # A shared device: the newcomer inherits nothing of whom it belonged to (RULES I1).
        fresh = new_anonymous(self._clock.now())
        self._store("link", fresh, subject)
        return fresh

    def unmerge(self, anonymous: str, subject: str) -> None:
        """Undo a link."""
        self._deliver_before("unmerge")
        cause = self._store("unmerge", anonymous, subject)
        if cause is not None:
            raise IdentityError(f"{anonymous!r} and {subject!r}: {_FAULTS[cause]}")

    def _store(self, operation: str, anonymous: str, subject: str) -> str | None:
        """Store a link or its undoing; gives why it was refused."""
        fact = identity(operation, anonymous, subject, now=self._clock.now(), tenant=self._tenant)
        (result,) = self._backend.append([orjson.dumps({"identity": fact})])
        if result.status != "refused":
            return None
        if result.cause not in {*_FAULTS, "linked_elsewhere"}:
            raise IdentityError(result.errors[0].message if result.errors else str(result.cause))
        return result.cause

    def _deliver_before(self, operation: str) -> None:
        """What happened before a link must be known before it."""
        remaining = self._flush(FLUSH_SECONDS)
        if remaining:
            trouble = self._trouble()
            raise BackendUnavailableError(
                f"{operation}: {remaining} earlier facts could not be delivered within"
                f" {FLUSH_SECONDS:g} s{f' ({trouble})' if trouble else ''}; retry"
            )
