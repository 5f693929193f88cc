"""Recording what a person allows, stored before it returns: all that is said, or nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from clew.backends.base import Backend
from clew.clock import Clock
from clew.errors import ClewError, ConsentError
from clew.facts import consents
from clew.model.words import ConsentState

__all__ = ["Consenting"]

#: How long what was said before a consent may take to be stored, in seconds.
FLUSH_SECONDS = 1.0


class Consenting:
    """
    Records the consents of one tenant's people.

    Args:
        flush: delivers what was said before, within so many seconds.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        tenant: str,
        flush: Callable[[float], int],
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._tenant = tenant
        self._flush = flush

    def say(
        self, subject: str, states: Mapping[ConsentState, Iterable[str]], source: str | None
    ) -> None:
        """
        Record what a person says of purposes.

        Raises:
            ConsentError: it was not stored.
        """
        now = self._clock.now()
        facts = consents(subject, states, now=now, tenant=self._tenant, source=source)
        # What was said under the consent so far is folded under it, not dropped by what comes now.
        self._flush(FLUSH_SECONDS)
        try:
            misnamed = self._misnamed({fact["purpose"] for fact in facts})
            results = () if misnamed else self._backend.append(map(_item, facts))
        except ClewError as error:
            raise ConsentError(
                f"the consent of {subject!r} was not stored: {error}", retryable=error.retryable
            ) from error
        refused = [result for result in results if result.status == "refused"]
        if misnamed or refused:
            part = "all of " if len(refused) < len(results) else ""
            why = misnamed or refused[0].errors[0].message
            raise ConsentError(f"{part}the consent of {subject!r} was not stored: {why}")
        if any(result.cause == "superseded" for result in results):
            raise ConsentError(
                f"the consent of {subject!r} is stored but does not hold: a later one says "
                "otherwise; set this machine's clock, which is behind, and say it again"
            )

    def _misnamed(self, named: set[str]) -> str | None:
        """Say which of some purposes there is not, before the others of them are stored."""
        last = getattr(self._backend, "last_compiled", None)
        if last is not None and all(purpose in last.purposes for purpose in named):
            return None
        policy = self._backend.policy()  # another may be live since
        known = [] if policy is None else [purpose.id for purpose in policy.purposes]
        unknown = sorted(named.difference(known))
        if policy is None or not unknown:
            return None
        return f"the policy has no purpose {unknown[0]!r}; it has: {', '.join(known) or 'none'}"


def _item(fact: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"consent": fact})
