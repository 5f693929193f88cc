"""
The server's live policy as this client last saw it, in memory and on disk.

It says which slots there are, what their defaults show and what their decisions read of a request,
so a process that starts while the server is away shows the policy's defaults all the same.
"""

import logging
import os
import tempfile
from pathlib import Path

import orjson

from clew.backends.http.transport import Response
from clew.backends.http.wire import document, is_absent
from clew.codec import from_json
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.errors import ClewError
from clew.model.policy import Policy

__all__ = ["PolicyCopy"]

logger = logging.getLogger("clew")

_NOT_MODIFIED = 304


class PolicyCopy:
    """
    A copy of the live policy.

    Args:
        bundle: a canonical bundle to begin with, until the server has told of its own.
    """

    def __init__(self, bundle: bytes | None = None) -> None:
        #: None as long as nothing is known of one, and when none is live.
        self.compiled: CompiledPolicy | None = None
        #: When the server last told of it, in seconds since the epoch.
        self.checked_at = float("-inf")
        self._etag: str | None = None
        self._file: Path | None = None
        if bundle is not None:
            self.compiled = _compiled(bundle)
        #: What the application has brought, until the server has told of its own.
        self._brought = self.compiled

    def keep_in(self, folder: Path) -> None:
        """Keep it in a folder from now on, and begin with what is kept there."""
        self._file = folder / "policy.json"
        try:
            body = self._file.read_bytes()
        except OSError:
            return
        try:
            self.compiled = _compiled(body)
        except (ClewError, orjson.JSONDecodeError):
            logger.warning("%s is no policy of this version of clew; it is passed over", self._file)

    def headers(self) -> dict[str, str]:
        """Give the headers of a request: only what has changed is sent (RFC 9110, 13.1.2)."""
        return {} if self._etag is None else {"If-None-Match": self._etag}

    def take(self, response: Response, now: float) -> None:
        """
        Take the server's answer.

        Raises:
            BackendError, ConfigurationError: it is a refusal.
            DocumentError: this version of clew cannot read it.
        """
        if is_absent(response):
            self.compiled, self._etag = None, None
        elif response.status != _NOT_MODIFIED:
            document(response)
            self.compiled = _compiled(response.body)
            self._etag = response.headers.get("etag")
            self._write(response.body)
        self.checked_at = now
        if self._brought is not None:
            self._compare(self._brought)
            self._brought = None

    def _compare(self, brought: CompiledPolicy) -> None:
        """Tell whoever brings a policy that the server goes by another."""
        live = self.compiled
        if live is None or _name(live) != _name(brought):
            logger.warning(
                "the server decides by %s, not by %s that was given here, which only stands in "
                "until the server is heard: publish it there (`clew policy publish`)",
                "no policy" if live is None else _name(live),
                _name(brought),
            )

    def _write(self, body: bytes) -> None:
        """Replace the file as a whole, so that no process ever reads a part of it."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix="policy-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            Path(name).replace(self._file)
        except OSError as error:
            logger.warning("the policy could not be kept on disk: %s", error)


def _name(policy: CompiledPolicy) -> str:
    return f"{policy.policy.id} {policy.policy.version}"


def _compiled(bundle: bytes) -> CompiledPolicy:
    return compile_policy(from_json(Policy, orjson.loads(bundle), keep_unknown=True))
