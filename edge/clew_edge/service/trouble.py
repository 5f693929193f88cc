"""
What is told of trouble that many requests meet: that it began, now and then how many more met it,
and that it is over. A line for each request would say no more, and hide what else is told.

Each object here is for one thread.
"""

import logging
import time
from collections.abc import Callable, Hashable

from attrs import define

__all__ = ["CALM_SECONDS", "KINDS_MAX", "TELL_SECONDS", "Faults", "Outages", "Repeats"]

logger = logging.getLogger("clew.service")

#: How often trouble that goes on is told of at most, in seconds.
TELL_SECONDS = 60.0
#: How long nothing fails until an outage is over, in seconds: a store that is locked now and then
#: is in trouble all the while.
CALM_SECONDS = 5.0
#: How many kinds of faults are told apart.
KINDS_MAX = 100


@define
class _Course:
    """How trouble goes on; instants by the clock of whoever watches it."""

    began_at: float
    told_at: float
    met_at: float
    #: How often it was met, and how often of these since it was told of last.
    count: int = 1
    untold: int = 0

    def goes_on(self, now: float) -> int:
        """Count it once more; gives of how many it is time to tell, or 0."""
        self.met_at = now
        self.count += 1
        self.untold += 1
        if now - self.told_at < TELL_SECONDS:
            return 0
        told, self.untold, self.told_at = self.untold, 0, now
        return told


class Outages:
    """
    A store that does not answer, by what needs it: it may answer one and not the other.

    Args:
        clock: gives seconds that only increase.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._courses: dict[tuple[str, str], _Course] = {}

    def met(self, tenant: str, what: str, error: Exception) -> None:
        """Note that the store did not answer a tenant; *what* needs it is one of few names."""
        now = self._clock()
        course = self._courses.get((tenant, what))
        if course is None:
            self._courses[tenant, what] = _Course(now, now, now)
            logger.warning("%s of tenant %s: the store is not available: %s", what, tenant, error)
        elif more := course.goes_on(now):
            logger.warning(
                "%s of tenant %s: the store is still not available, and %d more requests were not"
                " served: %s",
                what,
                tenant,
                more,
                error,
            )

    def answered(self, tenant: str, what: str) -> None:
        """Note that the store answered."""
        course = self._courses.get((tenant, what))
        if course is None or self._clock() - course.met_at < CALM_SECONDS:
            return
        del self._courses[tenant, what]
        # A warning as its beginning is, so that nobody has the one without the other.
        logger.warning(
            "%s of tenant %s: the store answers again; within %.0f s it did not answer %d requests",
            what,
            tenant,
            course.met_at - course.began_at,
            course.count,
        )


class Faults:
    """
    Exceptions that nobody foresaw: of those of one kind from one place, the first is told in full.

    Args:
        what: happened with them, for people.
        clock: gives seconds that only increase.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._courses: dict[Hashable, _Course] = {}

    def met(self, error: BaseException) -> None:
        """Note that one was caught."""
        now = self._clock()
        kind: Hashable = (type(error), place := _place(error))
        if kind not in self._courses and len(self._courses) >= KINDS_MAX:
            kind = None
        course = self._courses.get(kind)
        if course is None:
            self._courses[kind] = _Course(now, now, now)
            logger.error("%s: %s", self._what, error, exc_info=error)
        elif more := course.goes_on(now):
            logger.error(
                "%s: %d more times; last by %s at %s: %s",
                self._what,
                more,
                type(error).__name__,
                place,
                error,
            )


class Repeats:
    """
    What anybody can be the cause of, again and again: of each kind the first is told, and then how
    many more.

    Args:
        clock: gives seconds that only increase.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._courses: dict[str, _Course] = {}

    def met(self, kind: str, why: object) -> None:
        """Note one; the *kind*, for people, is one of few, and *why* is of this one."""
        now = self._clock()
        course = self._courses.get(kind)
        if course is None:
            self._courses[kind] = _Course(now, now, now)
            logger.warning("%s: %s", kind, why)
        elif more := course.goes_on(now):
            logger.warning("%s: %d more times; last: %s", kind, more, why)


def _place(error: BaseException) -> str:
    """Where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
