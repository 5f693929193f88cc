"""What is logged once and not once per request."""

__all__ = ["SAID_MAX", "Once"]

#: Different things that are remembered; names come from callers, so there is an end to it.
SAID_MAX = 1_000


class Once:
    """Remembers what was said."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def is_news(self, kind: str, name: str) -> bool:
        """Whether something of this kind and name is to be said: the first time alone."""
        if (kind, name) in self._said or len(self._said) >= SAID_MAX:
            return False
        self._said.add((kind, name))
        return True
