"""What is logged once and not once per request."""

from collections import defaultdict

__all__ = ["NAMES_MAX", "Once"]

#: Names of one kind that are remembered; they come from callers, so there is an end to it.
NAMES_MAX = 1_000


class Once:
    """Remembers what was said."""

    def __init__(self) -> None:
        self._said: defaultdict[str, set[str]] = defaultdict(set)

    def is_news(self, kind: str, name: str) -> bool:
        """
        Whether something of this kind and name is to be said: the first time alone.

        Args:
            kind: one of those that the program has; its names take no room from another's.
            name: of what it is said, whoever has named it.
        """
        said = self._said[kind]
        if name in said or len(said) >= NAMES_MAX:
            return False
        said.add(name)
        return True
