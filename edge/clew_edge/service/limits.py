"""What one request may ask of the service, and all of them together."""

from collections.abc import Callable

from attrs import field, frozen

from clew_edge.service.problems import RefusedError

__all__ = ["Bucket", "Limits", "Room"]

MEBIBYTE = 1_048_576
#: For all bodies in hand in one worker.
ROOM_BYTES = 64 * MEBIBYTE


class Room:
    """
    The bytes of all bodies in hand, under one bound: more is refused before memory grows.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, count: int) -> None:
        """
        Claim room for so many bytes.

        Raises:
            RefusedError: there is not enough now.
        """
        if count > self._left:
            raise RefusedError(
                503,
                "too many requests are being worked on; nothing of yours was stored, send it again",
                "overload",
                {"retry-after": "1"},
            )
        self._left -= count

    def give_back(self, count: int) -> None:
        """Return what was claimed."""
        self._left += count


@frozen(kw_only=True)
class Limits:
    """The bounds; each has its refusal."""

    #: A body as it is sent, in bytes.
    body_bytes: int = 1 * MEBIBYTE
    #: The same after decompression.
    document_bytes: int = 8 * MEBIBYTE
    #: For all bodies in hand, from their first byte to their answer.
    room: Room = field(factory=lambda: Room(ROOM_BYTES))
    #: How long a body may take to arrive, in seconds.
    read_seconds: float = 10.0
    #: How deep JSON may be nested.
    depth: int = 32
    #: Slots in one request.
    slots: int = 100


class Bucket:
    """
    A token bucket: so many requests a second on average, and those of one second at once.

    Args:
        rate: requests per second.
        now: gives monotonic seconds.
    """

    def __init__(self, rate: float, now: Callable[[], float]) -> None:
        self._rate = rate
        self._size = max(1.0, rate)
        self._left = self._size
        self._now = now
        self._at = now()

    def wait(self) -> float:
        """Take one request; gives 0, or in how many seconds there will be room for it."""
        now = self._now()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self._rate
