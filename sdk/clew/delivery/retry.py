"""When to try again, and whether."""

import random
from collections.abc import Callable

from attrs import field, frozen, validators

__all__ = ["Backoff", "is_retryable"]


@frozen(kw_only=True)
class Backoff:
    """
    Full-jitter exponential backoff: uniform between nothing and a ceiling that doubles.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    #: The first ceiling, in seconds.
    base_seconds: float = field(default=0.1, validator=validators.gt(0))
    #: The highest ceiling, in seconds.
    cap_seconds: float = field(default=10.0, validator=validators.gt(0))
    #: The longest wait that a receiver may ask for, in seconds: a slip of its pen ends some day.
    asked_seconds: float = field(default=3_600.0, validator=validators.ge(0))
    #: Draws from [0, 1).
    random: Callable[[], float] = random.random

    def delay(self, attempt: int, error: BaseException) -> float:
        """
        Seconds to wait after the failure number `attempt`, the first being 0.

        An error may carry `retry_after`, in seconds (RFC 9110, section 10.2.3): the receiver's own
        wish is the least we wait, and the jitter comes on top, lest all come back at once.
        """
        # Beyond 2**32 the cap has long been reached; an ever larger power would overflow a float.
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt, 32))
        asked: float | None = getattr(error, "retry_after", None)
        return min(asked or 0.0, self.asked_seconds) + self.random() * ceiling


def is_retryable(error: BaseException) -> bool:
    """
    Whether the same batch may succeed later.

    Errors say so themselves (`ClewError.retryable`). Of those that do not, a fault of the machine
    or of the network passes, and what is no `Exception` (a cancellation, an exit) tells nothing
    about the batch. Anything else is taken for a fault of the batch, or it would block the rest.
    """
    unsaid = isinstance(error, OSError) or not isinstance(error, Exception)
    return bool(getattr(error, "retryable", unsaid))
