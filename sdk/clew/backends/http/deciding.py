"""
Deciding over the network: from what is kept, else by one request, else by what stands in.

The order of RULES D2. A caller waits so long as a decision may take and no longer; the request
goes on without it on a thread of its own, so that an answer that comes too late can be voided (D8).
While the circuit is open nothing is sent at all.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from attrs import evolve, frozen

from clew.backends.bare import bare
from clew.backends.http import reading
from clew.backends.http.breaker import Breaker
from clew.backends.http.flight import Flight
from clew.backends.http.guarded import Change, GuardedCache
from clew.backends.http.keys import Keys
from clew.backends.http.transport import Response
from clew.backends.http.trouble import Trouble
from clew.cache import Aging, Asker, Entry, Kept, Key
from clew.clock import Clock
from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.errors import BackendRejectedError
from clew.ids import mint
from clew.model.decision import Decision
from clew.model.request import DecisionRequest
from clew.model.words import Reason
from clew.once import Once
from clew.threads import Pool

__all__ = ["DEADLINE_MS", "Deciding"]

logger = logging.getLogger("clew")

#: How long a decision may take when nobody says, in milliseconds.
DEADLINE_MS = 50.0
#: The part of a deadline that is waited; the rest is for the way back to the caller.
_WAITED = 0.9
#: A decision is asked for again after this long, in seconds, where the slot says nothing (D4).
TTL_SECONDS = 5.0
#: Requests under way at once; further ones queue, and those that nobody waits for by then are
#: never sent.
FLIGHTS_MAX = 16

Send: TypeAlias = Callable[
    [DecisionRequest, str | None, tuple[str, ...], Sequence[str]], Callable[[], Response]
]
"""
Makes a request ready under an id of its own, for some slots, about somebody of these ids; what it
gives sends it.
"""


@frozen
class _Asked:
    """What one call asks for, and where that is kept."""

    request: DecisionRequest
    keys: Mapping[str, Key]
    kept: Kept
    #: None where nothing may be kept: nobody to keep it for, or a request known by its own id.
    subject: str | None


class Deciding:
    """
    Answers decide requests of one client.

    Args:
        send: the way to the server.
        policy: gives the policy at hand.
        void: takes decisions that nobody got (D8); called on any thread, without a lock held.
        void_request: the same of a request that nobody got an answer to: its id and its subject.
        deadline_ms: how long a decision may take when the request does not say.
        where: what the server is called in the log.
    """

    def __init__(
        self,
        send: Send,
        *,
        clock: Clock,
        policy: Callable[[], CompiledPolicy | None],
        void: Callable[[Decision], None],
        void_request: Callable[[str, str], None],
        deadline_ms: float = DEADLINE_MS,
        where: str = "the server",
    ) -> None:
        self.breaker = Breaker(time.monotonic)
        self._trouble = Trouble(where, time.monotonic)
        self._once = Once()
        self._where = where
        self._send = send
        self._clock = clock
        self._policy = policy
        self._void = void
        self._void_request = void_request
        self._deadline_ms = deadline_ms
        self._guarded = GuardedCache(void)
        self._cache = self._guarded.cache
        self._keys = Keys()
        self._lock = self._guarded.lock
        self._pool = Pool(FLIGHTS_MAX)

    def decide(self, request: DecisionRequest) -> dict[str, Decision]:
        """Fill slots in time; one that the server does not have is absent."""
        began = time.monotonic()
        now = self._clock.now()
        asker = (
            request.subject,
            request.anonymous_subject,
            request.session_id,
            request.traffic,
        )
        keys = self._keys.of(self._policy(), request.slots, asker, request.context)
        subject = request.subject if request.request_id is None else None
        with self._lock:
            self._guarded.hear()
            kept = Kept() if subject is None else self._cache.of(subject)
            made, missing, ahead = kept.look(keys, now)
            asked = _Asked(request, keys, kept, subject)
            flights = self._take_off(asked, missing, ahead) if missing or ahead else {}
        if not missing:
            self._guarded.catch_up()
            return made
        end = began + _WAITED / 1_000.0 * (request.deadline_ms or self._deadline_ms)
        try:
            for flight in {id(each): each for each in flights.values()}.values():
                flight.wait(end - time.monotonic())
        except BaseException:  # of a signal handler: a task's time is up, or somebody ends it all
            self._leave(asked, flights)
            raise
        with self._lock:
            self._guarded.hear()
            for slot in missing:
                answer = self._answer(asked, slot, flights.get(slot))
                if answer is not None:
                    made[slot] = answer
        self._give_up(asked, flights)
        return made

    def _leave(self, asked: _Asked, flights: Mapping[str, Flight]) -> None:
        """Wait no longer for slots of some flights."""
        with self._lock:
            for slot, flight in flights.items():
                flight.waiting[asked.keys[slot]] -= 1
        self._give_up(asked, flights)

    def _give_up(self, asked: _Asked, flights: Mapping[str, Flight]) -> None:
        """End those flights that nobody waits for any more, and void what they bring."""
        with self._lock:
            self._guarded.hear()
            in_vain = {id(each): each for each in flights.values() if each.is_in_vain}
            for flight in in_vain.values():
                _end(flight, asked.kept)
        for flight in in_vain.values():
            self._take_back(flight, asked)
        self._guarded.catch_up()

    def recall(
        self, slots: Iterable[str], asker: Asker, context: Mapping[str, Any], now: float
    ) -> dict[str, Decision] | None:
        """
        Give what is kept and fresh, if it was shown before and no slot lacks it.

        Never waits: None while somebody else has the lock, who may be at something longer.
        """
        return self._peek(Kept.fresh, slots, asker, context, now)

    def stand_in(
        self, slots: Iterable[str], asker: Asker, context: Mapping[str, Any], now: float
    ) -> dict[str, Decision]:
        """Give the last known good decisions that there are of slots; never waits, as `recall`."""
        return self._peek(Kept.good, slots, asker, context, now) or {}

    def _peek(
        self,
        look: Callable[[Kept, Mapping[str, Key], float], dict[str, Decision] | None],
        slots: Iterable[str],
        asker: Asker,
        context: Mapping[str, Any],
        now: float,
    ) -> dict[str, Decision] | None:
        """Look at what is kept for who asks, if something is and nobody has the lock."""
        subject = asker[0]
        if subject is None:
            return None
        keys = self._keys.of(self._policy(), slots, asker, context)
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._guarded.hear()
            kept = self._cache.find(subject)
            return None if kept is None else look(kept, keys, now)
        finally:
            self._lock.release()
            self._guarded.catch_up()

    def told(self, change: Change) -> None:
        """Something was told of somebody: what is kept changes before anybody decides again."""
        self._guarded.tell(change)

    def told_of(self, subject: str) -> None:
        """Something was told of a subject, as `told`."""
        self._guarded.drop(subject)

    def close(self) -> None:
        """Let the threads go, each as its request ends."""
        self._pool.close()

    def _take_off(
        self, asked: _Asked, missing: Iterable[str], ahead: Iterable[str]
    ) -> dict[str, Flight]:
        """Have asked for what is not under way yet; gives the flights to wait for, by slot."""
        under_way = asked.kept.flights
        new = {slot: asked.keys[slot] for slot in (*missing, *ahead)}
        new = {slot: key for slot, key in new.items() if key not in under_way}
        if new:
            # First of all: a context that is no JSON is refused before anybody waits for it.
            # One that is known by the application's own id is asked again, and gets the same.
            id = None if asked.subject is None else mint(self._clock.now(), 0)
            send = self._send(asked.request, id, tuple(new), self._names(asked.request))
            if self.breaker.allows():
                flight = Flight(new.values(), [asked.keys[slot] for slot in ahead], id)
                under_way.update(dict.fromkeys(new.values(), flight))
                self._pool.submit(partial(self._fly, flight, asked, send))
        found = {
            slot: under_way[asked.keys[slot]] for slot in missing if asked.keys[slot] in under_way
        }
        for slot, awaited in found.items():
            awaited.is_shared |= asked.keys[slot] not in new.values()
            awaited.waiting[asked.keys[slot]] += 1
        return found

    def _names(self, request: DecisionRequest) -> list[str]:
        """All ids that a request is known to be about; the caller holds the lock."""
        given = [name for name in (request.anonymous_subject, request.subject) if name is not None]
        return list(dict.fromkeys(name for one in given for name in self._cache.names(one)))

    def _fly(self, flight: Flight, asked: _Asked, send: Callable[[], Response]) -> None:
        """Carry a flight out, on a thread of its own."""
        with self._lock:
            if not flight.is_wanted:  # everybody left while it queued
                _end(flight, asked.kept)
                return
            flight.is_sent = True
        response, made = None, {}
        try:
            response = send()
            made = {
                asked.keys[each.slot]: each
                for each in reading.decisions(response)
                if each.slot in asked.keys
            }
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for the landing
            flight.error = error
        with self._lock:
            self._guarded.hear()
            is_given_up = flight.has_landed
            flight.made = made
            unused = [
                each for key, each in made.items() if not self._keep(flight, asked, key, each)
            ]
            if flight.is_shared:  # so nobody who has it may void it
                flight.made = {key: evolve(each, cache="hit") for key, each in made.items()}
            is_in_time = flight.is_wanted
            _end(flight, asked.kept)
        if not is_given_up:
            for each in unused if asked.request.request_id is None else ():
                self._void(each)
            if flight.error is not None and reading.may_have_decided(response, flight.error):
                self._take_back(flight, asked)
        self._guarded.catch_up()
        self._judge(flight, is_in_time=is_in_time)

    def _take_back(self, flight: Flight, asked: _Asked) -> None:
        """Void whatever the server decides for a request whose answer nobody gets (D8)."""
        if flight.id is not None and asked.subject is not None:
            self._void_request(flight.id, asked.subject)

    def _keep(self, flight: Flight, asked: _Asked, key: Key, decision: Decision) -> bool:
        """Keep what a flight brought; false if nobody gets it. The caller holds the lock."""
        is_shown = flight.waiting[key] > 0
        if decision.policy_version is None:
            return True  # a stand-in: nobody keeps it, and it was never recorded
        if asked.request.subject is not None:
            self._cache.remember(decision.id, asked.request.subject)
        if not is_shown and key not in flight.ahead:
            return False
        if asked.subject is not None:
            aging = self._aging(decision)
            self._cache.put(asked.subject, asked.kept, key, Entry(decision, aging, is_shown))
        return True

    def _aging(self, decision: Decision) -> Aging:
        """
        How long a decision keeps, by this client's own clock.

        The server's instants are only held against each other, for its clock may be another.
        """
        now = self._clock.now()
        slot = _slot(self._policy(), decision.slot)
        seconds = (slot.slot.ttl_seconds if slot is not None else None) or TTL_SECONDS
        if decision.valid_until is not None and decision.cache == "miss":
            seconds = min(seconds, (decision.valid_until - decision.decided_at).total_seconds())
        edges = [edge for edge in slot.boundaries if edge > now] if slot is not None else []
        ends_at = edges[0] if edges else float("inf")
        return Aging(now, min(now + max(0.0, seconds), ends_at), ends_at)

    def _answer(self, asked: _Asked, slot: str, flight: Flight | None) -> Decision | None:
        """What a caller gets who has waited; None if the server has no such slot."""
        key = asked.keys[slot]
        reason: Reason = "error"
        if flight is not None and not flight.has_landed:
            reason = "deadline"
            flight.waiting[key] -= 1
            self._note_late(asked.request)
        elif flight is not None and flight.error is None:
            found = flight.made.get(key)
            if found is None or found.policy_version is not None:
                return found
            reason = found.reason  # the server had nothing but a stand-in itself
        entry = asked.kept.entries.get(key)
        is_current = asked.subject is not None and self._cache.is_current(asked.subject, asked.kept)
        now = self._clock.now()
        if entry is not None and is_current and now < entry.aging.good_until:
            return entry.stand_in()
        return bare(slot, reason, now)

    def _note_late(self, request: DecisionRequest) -> None:
        """A server that misses our own deadline is left alone; one that is shorter says nothing."""
        if (request.deadline_ms or self._deadline_ms) >= self._deadline_ms and (
            self.breaker.failed()
        ):
            # One by one they are nobody's business, so it is told when there are several.
            self._trouble.met(
                f"{self._where} is not heard within {self._deadline_ms:g} ms, for it is slow, or"
                " this process is too busy to hear it"
            )

    def _judge(self, flight: Flight, *, is_in_time: bool) -> None:
        """Tell the breaker how a flight has ended."""
        error = flight.error
        if error is None:
            if is_in_time and flight.made:
                self.breaker.succeeded()
                self._trouble.over()
        elif isinstance(error, BackendRejectedError):
            said = self._named(error)
            if self._once.is_news("refused", said):
                logger.error("a decide request was refused: %s (said once)", said)
        else:
            self.breaker.failed(getattr(error, "retry_after", None))
            self._trouble.met(self._named(error))

    def _named(self, error: Exception) -> str:
        """What is wrong, with the server's name; an error of the network says it already."""
        said = str(error)
        return said if self._where in said else f"{self._where}: {said}"


def _end(flight: Flight, kept: Kept) -> None:
    """End a flight; whoever asks from now on has a new one. The caller holds the lock."""
    for key in flight.keys:
        if kept.flights.get(key) is flight:
            del kept.flights[key]
    flight.land()


def _slot(policy: CompiledPolicy | None, slot: str) -> CompiledSlot | None:
    return None if policy is None else policy.slots.get(slot)
