"""What an import did, in numbers."""

from collections import Counter

from attrs import define, field

__all__ = ["KindCount", "Report"]


@define
class KindCount:
    """What was done with the rows of one kind."""

    name: str
    #: What these rows are, in plain words.
    plain: str | None
    #: The signal they become; None where they are left out.
    signal: str | None
    rows: int = 0
    applied: int = 0
    duplicate: int = 0
    refused: int = 0


@define
class Report:
    """Counts of one import; they grow while it runs."""

    kinds: dict[str, KindCount]
    rows: int = 0
    #: Rows that could not become signals.
    bad: int = 0
    #: The first of them: its number, and what is wrong with it.
    first_bad: str | None = None
    #: Rows without a person, taken under an anonymous subject (an invoice).
    without_subject: int = 0
    #: Rows that stood in the file before; each is taken as its own.
    repeated: int = 0
    #: Consent records that were new.
    consents: int = 0
    #: Why signals were refused, and one sentence for each cause.
    causes: Counter[str] = field(factory=Counter)
    messages: dict[str, str] = field(factory=dict)
    subjects: set[str] = field(factory=set)
    anonymous: set[str] = field(factory=set)
    #: How long it took, in seconds.
    seconds: float = 0.0

    @property
    def applied(self) -> int:
        """Signals that were new."""
        return sum(kind.applied for kind in self.kinds.values())

    @property
    def duplicate(self) -> int:
        """Signals that were stored before."""
        return sum(kind.duplicate for kind in self.kinds.values())

    @property
    def refused(self) -> int:
        """Signals that the store refused."""
        return sum(kind.refused for kind in self.kinds.values())

    @property
    def left_out(self) -> int:
        """Rows of kinds that become no signal."""
        return sum(kind.rows for kind in self.kinds.values() if kind.signal is None)

    @property
    def rate(self) -> float:
        """Signals per second."""
        signals = self.applied + self.duplicate + self.refused
        return signals / self.seconds if self.seconds else 0.0
