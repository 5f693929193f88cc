"""
The live policy of a server: the copy at hand, and when the server is asked whether it still is.

It is asked on a thread, and rarely: what is at hand goes on to be used meanwhile.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeAlias

from clew.backends.http.policy import PolicyCopy
from clew.backends.http.transport import Response
from clew.clock import Clock
from clew.engine.compiled import CompiledPolicy
from clew.errors import BackendError, ConfigurationError, DocumentError

__all__ = ["POLICY_SECONDS", "LivePolicy"]

logger = logging.getLogger("clew")

#: How long the policy at hand is taken for the live one before the server is asked, in seconds.
POLICY_SECONDS = 30.0
#: After how many seconds it is asked again when it did not tell.
AGAIN_SECONDS = 1.0

Ask: TypeAlias = Callable[[Mapping[str, str]], Response]
"""Asks the server for its policy, given the request's headers."""

Submit: TypeAlias = Callable[[Callable[[], None]], "Future[None]"]
"""Has a thread make a call."""


class LivePolicy:
    """
    The policy of a server.

    Args:
        copy: what is known of it.
        submit: asking happens there, but for `fetch`.
    """

    def __init__(self, copy: PolicyCopy, *, ask: Ask, submit: Submit, clock: Clock) -> None:
        self._copy = copy
        self._ask = ask
        self._submit = submit
        self._clock = clock
        self._is_asking = False
        #: Whether it was said that the server does not tell; until it does again.
        self._is_cut_off = False
        self._is_closed = False

    @property
    def compiled(self) -> CompiledPolicy | None:
        """The policy as last seen; None as long as nothing is known of one, or none is live."""
        return self._copy.compiled

    def is_confirmed(self, now: float) -> bool:
        """Whether the server has said lately that it is the live one; *now* is an instant."""
        return now - self._copy.checked_at <= POLICY_SECONDS

    def refresh(self) -> "Future[None] | None":
        """Ask the server soon; None if that is under way already, or for nobody any more."""
        if self._is_asking or self._is_closed:
            return None
        self._is_asking = True
        return self._submit(self._try_to_fetch)

    def fetch(self) -> None:
        """
        Ask the server now.

        Raises:
            BackendError, ConfigurationError: it cannot be reached, or refuses.
            DocumentError: this version of clew cannot read what it tells.
        """
        self._copy.take(self._ask(self._copy.headers()), self._clock.now())

    def close(self) -> None:
        """Ask no more; an outage that ends what is under way is told to nobody."""
        self._is_closed = True

    def _try_to_fetch(self) -> None:
        try:
            self.fetch()
            self._is_cut_off = False
        except (BackendError, ConfigurationError, DocumentError) as error:
            self._note_cut_off(error)
            # Asked again with the next decision, but not with each of them.
            self._copy.checked_at = self._clock.now() - POLICY_SECONDS + AGAIN_SECONDS
        finally:
            self._is_asking = False

    def _note_cut_off(self, error: Exception) -> None:
        """Tell of an outage once; an error of the network names the server."""
        level = logging.DEBUG if self._is_cut_off or self._is_closed else logging.WARNING
        self._is_cut_off = True
        logger.log(
            level,
            "the live policy could not be fetched: %s; until it is, decisions fall back and the "
            "server alone checks facts; check that `clew serve` runs there, the URL, and the key "
            "(said once)",
            error,
        )
