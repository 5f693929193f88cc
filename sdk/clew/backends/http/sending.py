"""Batches of facts on their way to a server, and what their way says of it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from clew.backends.http import reading
from clew.backends.http.changes import changes_of
from clew.backends.http.deciding import Deciding
from clew.backends.http.transport import Response
from clew.backends.http.unsent import Unsent
from clew.backends.http.wire import batch, document
from clew.errors import BackendUnavailableError, ConfigurationError, DocumentError
from clew.model.batch import ItemResult

__all__ = ["Sending"]

logger = logging.getLogger("clew")

Post: TypeAlias = Callable[[bytes, Mapping[str, str]], Response]
"""Brings a body with its headers to the server."""


class Sending:
    """
    Hands facts over to a server.

    Args:
        unsent: forgets what the server has.
        deciding: is told what consents and identities do to what it keeps, and of the end of an
            outage.
        where: what the server is called in the log.
    """

    def __init__(self, post: Post, *, unsent: Unsent, deciding: Deciding, where: str) -> None:
        self._post = post
        self._unsent = unsent
        self._deciding = deciding
        self._where = where
        self._has_complained = False
        #: Whether the last batch did not reach the server.
        self._is_away = False

    def send(self, items: Sequence[bytes]) -> list[ItemResult]:
        """
        Send one batch.

        Raises:
            BackendUnavailableError: the server has not taken all of it; send all of it again.
        """
        changes = list(changes_of(items))
        for before, _ in changes:
            self._deciding.told(before)
        results = self._results(self._answer(items))
        if len(results) != len(items) or any(each.status == "retry" for each in results):
            raise BackendUnavailableError("the server took a part of the batch; it is sent again")
        self._unsent.settle(each.id for each in results)
        if self._is_away:  # it decides again, too: there is no need to wait for the pause to end
            self._is_away = False
            self._deciding.breaker.may_probe()
        for _, after in changes:
            self._deciding.told(after)
        return results

    def _answer(self, items: Sequence[bytes]) -> Response:
        try:
            return self._post(*batch(items))
        except BackendUnavailableError:
            self._is_away = True
            raise

    def _results(self, response: Response) -> list[ItemResult]:
        """
        Read an answer.

        A key that is wrong, or something in between that answers in the server's place, can be
        mended; the facts must not be given up for it.
        """
        try:
            results = reading.results(document(response))
        except (ConfigurationError, DocumentError) as error:
            if not self._has_complained:
                self._has_complained = True
                logger.error("%s: facts wait until this is mended: %s", self._where, error)  # noqa: TRY400 - no bug of ours
            raise BackendUnavailableError(f"{self._where}: {error}") from error
        if self._has_complained:
            self._has_complained = False
            logger.warning("%s takes facts again", self._where)
        return results
