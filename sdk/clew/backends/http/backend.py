"""
A `Backend` elsewhere: clew in the application's process, the data behind `clew serve`.

The same words and guarantees as inside the process, with what the distance makes of them: a
decision brings along what the server may not know yet (RULES F4), is kept for a moment (D4), and
never takes longer than it may. Nothing is signed or verified here: tokens pass through (K1).
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from weakref import WeakSet

import orjson

from clew.backends.base import Admission
from clew.backends.http.deciding import DEADLINE_MS, Deciding
from clew.backends.http.live import LivePolicy
from clew.backends.http.others import tell_of_others
from clew.backends.http.policy import PolicyCopy
from clew.backends.http.sending import Sending
from clew.backends.http.transport import Response, Transport
from clew.backends.http.unsent import Unsent
from clew.backends.http.wire import REJECTED, decide_body, document, is_absent
from clew.backends.keyring import derived
from clew.cache import Asker, DecisionCache
from clew.clock import Clock, SystemClock, to_text
from clew.codec import from_json
from clew.engine.compiled import CompiledPolicy
from clew.engine.declared import declared
from clew.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    DocumentError,
    TokenError,
)
from clew.ids import bucket_of, mint
from clew.items import encoded
from clew.model.batch import BATCH_MAX, ItemResult
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.policy import Policy
from clew.model.profile import Profile
from clew.model.request import DecisionRequest
from clew.threads import Pool
from clew.trust.tokens import check_keys

__all__ = ["HttpBackend"]

logger = logging.getLogger("clew")

#: How long an answer is waited for where nobody's page waits, in seconds.
ANSWER_SECONDS = 10.0
#: How long a decide request may be under way for whoever still waits, in seconds.
LATE_SECONDS = 2.0
#: How long a client waits for the server's policy when it is opened, in seconds.
READY_SECONDS = 1.0

_TOKEN_MAX = 160
#: `<decision>.<expiry>.<signature>`, as `clew.trust.tokens` makes them.
_TOKEN = re.compile(r"([^\s]{1,128})\.([0-9a-f]{1,16})\.[A-Za-z0-9_-]{43}")

_alive: "WeakSet[HttpBackend]" = WeakSet()


def _after_fork_in_child() -> None:
    for backend in list(_alive):
        backend.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


class HttpBackend:
    """
    The backend at a server.

    Args:
        opened: opens the way to the server; called again in a forked child, which shares no
            connection with its parent.
        tenant: whose facts these are, by the client's account; the server goes by its key.
        keys: what the application's own signatures are derived from (K1).
        policy: a canonical bundle, whose defaults hold until the server has told of its own.
        clock: what tells the time.
        deadline_ms: how long a decision may take when its request does not say.
        spool_folder: where the client keeps facts on their way, when nobody says.
        where: what the server is called in the log.

    Raises:
        ConfigurationError: a key is too short to be safe.
    """

    #: Only the server has the keys of tokens, so it is given them along with what they prove.
    verifies_tokens = False

    def __init__(
        self,
        opened: Callable[[], Transport],
        *,
        tenant: str = "default",
        keys: Sequence[str] = (),
        policy: bytes | None = None,
        clock: Clock | None = None,
        deadline_ms: float = DEADLINE_MS,
        spool_folder: Path | None = None,
        where: str = "the server",
    ) -> None:
        self.spool_folder = spool_folder
        self._where = where
        self._opened = opened
        self._tenant = tenant
        if keys:
            check_keys(keys)
        self._keys = tuple(keys)
        self._clock = clock or SystemClock()
        self._deadline_ms = deadline_ms
        self._copy = PolicyCopy(policy)
        self._put: Callable[[bytes], object] = self._append_soon
        self._is_closed = False
        self._begin()
        _alive.add(self)

    def start(self, folder: Path | None, put: Callable[[bytes], object]) -> None:
        """
        Get ready to decide, so that the first decision does not pay for it.

        A server that hangs is waited for a second at most, and never where an event loop runs.

        Args:
            folder: where the policy is kept for a start without the server; None keeps none.
            put: takes what the server is to be told in its own time; it does not wait for room, for
                a decision may.
        """
        self._put = put
        if folder is not None:
            self._copy.keep_in(folder)
            if folder.parent == self.spool_folder:
                tell_of_others(folder.parent)
        fetching = self._policy.refresh()
        if fetching is not None and self._policy.compiled is None and not _is_on_loop():
            wait((fetching,), READY_SECONDS)

    def finish(self) -> None:
        """Void what is kept that nobody has seen, while it can still be told; does not wait."""
        self._deciding.told(DecisionCache.clear)

    def after_fork_in_child(self) -> None:
        """Begin anew in a child: connections, threads and what is under way are its parent's."""
        if not self._is_closed:
            self._begin()

    # -- facts

    def admit(self, item: dict[str, Any], /) -> Admission:
        """As `Backend.admit`; the server checks permission, and this never waits for it."""
        ((kind, fact),) = item.items()
        if kind == "signal":
            self._hold_against_policy(fact)
            payload = encoded(item)
            subject = fact["subject"]
            self._unsent.add(fact["id"], subject, payload)
            self._deciding.told_of(subject)
        else:
            payload = encoded(item)
            self._deciding.told(lambda cache: cache.drop_decision(fact["decision"]))
        return Admission("queued", payload)

    def append(self, items: Iterable[bytes], /) -> list[ItemResult]:
        """As `Backend.append`."""
        results: list[ItemResult] = []
        for part in _parts(items):
            results += self._sending.send(part)
        return results

    def forget(self, item: bytes, /) -> None:
        """As `Embedded.forget`: no decision brings it along any more."""
        fact = next(iter(orjson.loads(item).values()))
        self._unsent.settle([fact["id"]])

    # -- deciding

    def decide(self, request: DecisionRequest, /) -> tuple[dict[str, Decision], list[bytes]]:
        """As `Backend.decide`; the records are made durable by the server."""
        if not self._policy.is_confirmed(self._clock.now()):
            self._policy.refresh()
        return self._deciding.decide(request), []

    def recall(
        self, slots: Iterable[str], asker: Asker, context: Mapping[str, Any]
    ) -> dict[str, Decision] | None:
        """
        Give the decisions of slots if all of them are kept and fresh; nobody is asked.

        For the many calls that need no more: they cost a fraction of a request, and may be made on
        an event loop.
        """
        now = self._clock.now()
        if not self._policy.is_confirmed(now):
            return None
        return self._deciding.recall(slots, asker, context, now)

    def stand_in(
        self, slots: Iterable[str], asker: Asker, context: Mapping[str, Any]
    ) -> dict[str, Decision]:
        """Give what stands in for decisions that nobody waits for any more; nobody is asked."""
        return self._deciding.stand_in(slots, asker, context, self._clock.now())

    def decision(self, id: str, /) -> Decision | None:
        """As `Backend.decision`."""
        response = self._get(f"/clew/v1/decisions/{quote(id, safe='')}")
        if is_absent(response):
            return None
        return from_json(Decision, document(response), keep_unknown=True)

    def decisions(self, subject: str, /, *, within_seconds: float) -> list[Decision]:
        """As `Backend.decisions`."""
        path = f"/clew/v1/subjects/{quote(subject, safe='')}/decisions"
        found = document(self._get(path, within_seconds=within_seconds))
        return [from_json(Decision, each, keep_unknown=True) for each in found["decisions"]]

    # -- reading

    def measure(
        self, objective: str | None = None, /, *, holdout: str | None = None, looks: int = 0
    ) -> list[Measurement]:
        """As `Backend.measure`."""
        response = self._get(
            "/clew/v1/measure", objective=objective, holdout=holdout, looks=looks or None
        )
        try:
            found = document(response)
        except BackendRejectedError as error:
            raise ConfigurationError(str(error)) from error
        return [from_json(Measurement, each, keep_unknown=True) for each in found["measurements"]]

    def policy(self) -> Policy | None:
        """As `Backend.policy`; as last seen while the server does not answer."""
        try:
            self._policy.fetch()
        except BackendUnavailableError:
            if self._policy.compiled is None:
                raise
        compiled = self._policy.compiled
        return None if compiled is None else compiled.policy

    @property
    def last_compiled(self) -> CompiledPolicy | None:
        """The live policy as last seen; the server is not asked."""
        return self._policy.compiled

    def subject(self, subject: str, /) -> Profile:
        """As `Backend.subject`."""
        response = self._get(f"/clew/v1/subjects/{quote(subject, safe='')}")
        return from_json(Profile, document(response), keep_unknown=True)

    def read_token(self, token: str, /) -> str | None:
        """As `Backend.read_token`, by its form alone: the server verifies it."""
        found = _TOKEN.fullmatch(token) if len(token) <= _TOKEN_MAX else None
        if found is None:
            raise TokenError("this is no token; report with the token of a decision, unchanged")
        return found[1] if self._clock.now() <= int(found[2], 16) else None

    @property
    def has_keys(self) -> bool:
        """Whether `derive_keys` has something to derive them from."""
        return bool(self._keys)

    def derive_keys(self, purpose: str, /) -> tuple[bytes, ...]:
        """
        As `Backend.derive_keys`.

        Raises:
            ConfigurationError: no keys were given, and the server's own never leave it.
        """
        if not self._keys:
            raise ConfigurationError(
                "a client of a server has no signing keys of its own: give keys=, or set CLEW_KEYS"
            )
        return derived(self._keys, purpose, self._tenant)

    def close(self) -> None:
        """As `Backend.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._policy.close()
        self._deciding.close()
        self._errands.close()
        self._transport.close()

    # -- inside

    def _begin(self) -> None:
        self._transport = self._opened()
        self._unsent = Unsent()
        self._errands = Pool(1)
        self._policy = LivePolicy(
            self._copy, ask=self._ask_for_policy, submit=self._errands.submit, clock=self._clock
        )
        self._deciding = Deciding(
            self._decide_request,
            clock=self._clock,
            policy=lambda: self._policy.compiled,
            void=self._void,
            void_request=self._void_request,
            deadline_ms=self._deadline_ms,
            where=self._where,
        )
        self._sending = Sending(
            self._post_batch, unsent=self._unsent, deciding=self._deciding, where=self._where
        )

    def _decide_request(
        self,
        request: DecisionRequest,
        id: str | None,
        slots: tuple[str, ...],
        subjects: Sequence[str],
    ) -> Callable[[], Response]:
        signals = self._unsent.of(subjects)
        body = decide_body(request, id, slots, signals)

        def send() -> Response:
            response = self._post_decide(body)
            if signals and response.status in REJECTED:
                # The batch that is delivered tells which of them is at fault, and says so.
                self._unsent.drop(subjects)
                response = self._post_decide(decide_body(request, id, slots, ()))
            return response

        return send

    def _post_decide(self, body: bytes) -> Response:
        return self._transport.request(
            "POST",
            "/clew/v1/decide",
            body=body,
            headers={"Content-Type": "application/json"},
            seconds=LATE_SECONDS,
        )

    def _post_batch(self, body: bytes, headers: Mapping[str, str]) -> Response:
        return self._transport.request(
            "POST", "/clew/v1/append", body=body, headers=headers, seconds=ANSWER_SECONDS
        )

    def _get(self, path: str, **query: object) -> Response:
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return self._transport.request(
            "GET", f"{path}?{asked}" if asked else path, seconds=ANSWER_SECONDS
        )

    def _ask_for_policy(self, headers: Mapping[str, str]) -> Response:
        # The first decision finds a connection open from then on.
        return self._transport.request(
            "GET", "/clew/v1/policy", headers=headers, seconds=ANSWER_SECONDS
        )

    def _hold_against_policy(self, fact: dict[str, Any]) -> None:
        """
        Check a signal while its caller can still be told, and leave what is not declared here.

        Only by a policy that the server has confirmed lately: by an older one, what a newer one
        takes would be lost.
        """
        policy = self._policy.compiled
        if policy is None or not self._policy.is_confirmed(self._clock.now()):
            return
        kept, problems = declared(
            policy, fact["type"], fact.get("party", "first"), fact.get("data") or {}
        )
        if problems:
            raise DocumentError(f"signal {fact['type']!r}", problems)
        fact["data"] = kept

    def _void(self, decision: Decision) -> None:
        """Take back a decision that nobody got (RULES D8); one that was shown before stands."""
        if decision.cache == "miss":
            self._tell_void(bucket_of(decision.id) or 0, decision=decision.id)

    def _void_request(self, id: str, subject: str) -> None:
        """Take back whatever was decided for a request whose answer nobody waits for (D8)."""
        self._tell_void(0, request_id=id, subject=subject)

    def _tell_void(self, bucket: int, **what: str) -> None:
        now = self._clock.now()
        outcome = {
            "id": mint(now, bucket),
            "type": "voided",
            "occurred_at": to_text(now),
            **what,
        }
        try:
            self._put(encoded({"outcome": outcome}))
        except Exception:  # the client was closed meanwhile
            logger.debug("%s could not be voided", what, exc_info=True)

    def _append_soon(self, payload: bytes) -> None:
        """Without a client that delivers, what is to be told is told once."""
        self._errands.submit(partial(self.append, [payload]))


def _is_on_loop() -> bool:
    """Whether an event loop runs in this thread, which nothing here may hold up."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001 - documented: for libraries


def _parts(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut into batches as large as the server takes."""
    source = iter(items)
    while part := list(islice(source, BATCH_MAX)):
        yield part
