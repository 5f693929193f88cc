"""
What one request has decided: each slot once, whoever asks for it, and from which thread.

- **The first answer stays.** When a deadline passes, the local default stands in; the answer that
  arrives later finds its place taken and is voided (RULES D8). `dict.setdefault` is the judge, so
  nobody on an event loop ever waits for a lock.
- **What nobody asked for is voided** when the request ends: it was decided ahead, in vain.
- **Deciding takes turns.** Threads that ask for the same slot at once wait for one decision.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from clew.answers import Answers
from clew.model.decision import Decision

__all__ = ["Memo", "seconds_of"]


class Memo:
    """
    The decisions of one request, by slot.

    Args:
        answers: decides, and voids what was not used.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._made: dict[str, Decision] = {}
        #: Slots that somebody waits for, and those whose decision somebody has.
        self._wanted: set[str] = set()
        self._taken: set[str] = set()
        #: Whether whoever asks again for the same gets the same, so that nothing is in vain (D5).
        self._is_repeatable = False
        #: Whether the request is over.
        self.ended = False
        self._turn = threading.Lock()

    @property
    def made(self) -> Mapping[str, Decision]:
        """All that is decided, whether anybody asked for it or not."""
        return self._made

    @property
    def asked(self) -> dict[str, Decision]:
        """What was decided and given to whoever asked."""
        return {slot: made for slot, made in list(self._made.items()) if slot in self._taken}

    def take(
        self, slots: Iterable[str], default: Mapping[str, Any] | None
    ) -> dict[str, Decision] | None:
        """Ask for slots: gives their decisions, or None as long as one of them is not decided."""
        wanted = tuple(slots)
        self._wanted.update(wanted)
        try:
            found = {slot: self._take(slot, default) for slot in wanted}
        except KeyError:
            return None
        self._taken.update(wanted)
        return found

    def fill(
        self,
        slots: Iterable[str],
        *,
        default: Mapping[str, Any] | None,
        deadline_ms: float | None,
        **request: Any,
    ) -> None:
        """
        Decide those of the slots that are not decided; may wait for the store.

        Args:
            request: as of `Answers.decide`.
        """
        if not self._turn.acquire(timeout=-1.0 if deadline_ms is None else seconds_of(deadline_ms)):
            self.give_up(slots, default, **request)
            return
        try:
            missing = self._missing(slots)
            if missing:
                self._is_repeatable = request.get("request_id") is not None
                made = self._answers.decide(
                    missing, default=default, deadline_ms=deadline_ms, **request
                )
                self._void(self._keep(made))
        finally:
            self._turn.release()

    def recall(self, slots: Iterable[str], **request: Any) -> bool:
        """
        As `fill`, if the client has kept all that is not decided; never waits.

        Args:
            request: as of `Answers.recall`.
        """
        if self._turn.locked():  # somebody decides already, and that is the answer
            return False
        kept = self._answers.recall(self._missing(slots), **request)
        if kept is None:
            return False
        self._void(self._keep(kept))
        return True

    def give_up(
        self, slots: Iterable[str], default: Mapping[str, Any] | None, **request: Any
    ) -> None:
        """
        Let something stand in for what is not decided in time; asks no store.

        Args:
            request: as of `Answers.decide`.
        """
        made = self._answers.give_up(self._missing(slots), default, **request)
        for slot, one in made.items():
            self._made.setdefault(slot, one)

    def leave(self, slots: Iterable[str]) -> None:
        """Wait for slots no longer; whoever else does asks again."""
        self._wanted.difference_update(slots)

    def end(self) -> None:
        """
        End the request: what nobody asked for is voided, now or as it arrives.

        What was asked for stays. It may be called again, when more is not asked for any longer.
        """
        self.ended = True
        self._void(self._unused())

    def _void(self, decisions: Iterable[Decision]) -> None:
        if not self._is_repeatable:
            self._answers.void(decisions)

    def _take(self, slot: str, default: Mapping[str, Any] | None) -> Decision:
        made = self._made[slot]
        if default and made.policy_version is None and made.creative is None and not made.content:
            # It was made before the caller's own default was known (RULES D2).
            made = self._made[slot] = evolve(made, content=dict(default))
        return made

    def _missing(self, slots: Iterable[str]) -> list[str]:
        return [slot for slot in slots if slot not in self._made]

    def _keep(self, made: Mapping[str, Decision]) -> list[Decision]:
        """
        Keep what is the first answer for its slot; gives what nobody will see.

        A decision that the client had kept is the same one as when it was made.
        """
        late = [one for slot, one in made.items() if self._made.setdefault(slot, one).id != one.id]
        return late + self._unused() if self.ended else late

    def _unused(self) -> list[Decision]:
        """Let go of what nobody asked for; each is given once, however many threads call this."""
        unasked = [slot for slot in list(self._made) if slot not in self._wanted | self._taken]
        found = [self._made.pop(slot, None) for slot in unasked]
        return [one for one in found if one is not None]


def seconds_of(deadline_ms: float) -> float:
    """Give a deadline in seconds, as far as a lock can wait."""
    return min(max(0.0, deadline_ms) / 1_000.0, threading.TIMEOUT_MAX)
