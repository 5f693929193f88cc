"""
A decision: which creative for this person in this slot, and why (`schemas/decision.schema.json`).

`content`, `token`, `segments` and `explanation` are computed when they are first looked at: a
caller who only needs the creative's name does not pay for them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from attrs import Factory, field, frozen, validators

from clew.model.limits import identifier, optional_identifier, optional_share, share
from clew.model.words import Arm, Basis, CacheState, Reason, Traffic

__all__ = [
    "Candidate",
    "ConsentGround",
    "DataUsed",
    "DataWithheld",
    "Decision",
    "Draw",
    "Explanation",
    "HoldoutArm",
    "ListItem",
    "Method",
    "Reads",
]


@frozen(kw_only=True)
class ConsentGround:
    """The purpose a decision was made for and the ground that allowed it, if any."""

    purpose: str
    basis: Basis | None = None


@frozen(kw_only=True)
class HoldoutArm:
    """Which holdout the subject belongs to for this decision, and on which side."""

    id: str
    arm: Arm
    #: Changes with the holdout's salt, scope or share.
    epoch: str


@frozen(kw_only=True)
class Reads:
    """Everything the decision looked at, by path, with the value as it stood."""

    profile: Mapping[str, Any] = Factory(dict)
    context: Mapping[str, Any] = Factory(dict)
    #: Stored data that was asked for and not permitted.
    withheld: tuple[str, ...] = ()


@frozen(kw_only=True)
class DataUsed:
    """One stored datum of the person that the decision looked at."""

    #: Path in the profile, `computed.views_30d`.
    field: str
    #: What it is, in the person's words, from the policy.
    plain: str | None = None
    purpose: str | None = None
    #: The value as it stood.
    value: Any = None


@frozen(kw_only=True)
class DataWithheld:
    """One stored datum that the decision was not allowed to see."""

    field: str
    reason: str


@frozen(kw_only=True)
class Method:
    """How the choice was made."""

    #: `bandit`, `split`, `priority`, `pinned`, `default` and so on.
    kind: str
    name: str | None = None
    version: str | None = None
    propensity: float | None = field(default=None, validator=optional_share)
    #: Whether another candidate scored better: the choice was made to learn.
    exploration: bool = False


@frozen(kw_only=True)
class Explanation:
    """Why this was shown, from the same reads that decided; fit to be read to the person."""

    because: tuple[str, ...] = ()
    data_used: tuple[DataUsed, ...] = ()
    data_withheld: tuple[DataWithheld, ...] = ()
    #: Paths of the request's context that were looked at.
    context_used: tuple[str, ...] = ()
    method: Method | None = None


@frozen(kw_only=True)
class Candidate:
    """One creative (or item) that could have been drawn, its score and its probability."""

    creative: str
    score: float
    probability: float = field(validator=share)


@frozen(kw_only=True)
class Draw:
    """All that is needed to compute a draw's propensity again, bit for bit (RULES D7)."""

    candidates: tuple[Candidate, ...]
    #: The masked feature vector x; sparse, by feature name.
    features: Mapping[str, float] = Factory(dict)
    #: The drawn arm's mean m at the features of x.
    means: Mapping[str, float] = Factory(dict)
    #: How a score becomes an expected reward.
    model: Literal["logistic", "linear"] | None = None
    #: The drawn arm's predicted reward p.
    predicted: float | None = None
    #: γ as declared; the gap weight used is γ·√t.
    gamma: float | None = None
    #: t: counted decisions of this slot with at least two candidates.
    rounds: float | None = None
    #: The lower bound of each candidate's probability, by candidate.
    floors: tuple[float, ...] = ()
    #: The uniform number in [0, 1) that was drawn.
    uniform: float | None = None
    #: Where the drawn arm's state lives (RULES L4).
    state_key: str | None = None
    #: The store's change count when the arm sums were read.
    state_version: int | None = None
    #: Age of the arm sums, in seconds.
    state_age_seconds: float | None = None


@frozen(kw_only=True)
class ListItem:
    """One position of a list slot."""

    position: int = field(validator=validators.ge(0))
    item: str | None = None
    creative: str | None = None
    content: Mapping[str, Any] = Factory(dict)
    reason: Reason
    #: Probability of this entry given the entries before it (RULES D9).
    propensity: float | None = field(default=None, validator=optional_share)
    because: tuple[str, ...] = ()


# Without slots, which cost a frozen class a call for each field that it is given.
@frozen(kw_only=True, slots=False)
class Decision:
    """
    The answer to "what do I show here?": always one, whatever happened (RULES D2).

    `creative` is None only for the caller's own `default=` or an empty answer; `propensity` and
    `token` are None for a default made on the spot, which is neither learned from nor measured.
    """

    id: str = field(validator=identifier)
    slot: str
    decided_at: datetime
    reason: Reason
    subject: str | None = field(default=None, validator=optional_identifier)
    anonymous_subject: str | None = field(default=None, validator=optional_identifier)
    session_id: str | None = field(default=None, validator=optional_identifier)
    request_id: str | None = field(default=None, validator=optional_identifier)
    #: The page view or screen it was made for.
    view_id: str | None = field(default=None, validator=optional_identifier)
    creative: str | None = None
    creative_version: str | None = None
    #: The probability with which this creative was chosen here, after filters; in (0, 1].
    propensity: float | None = field(default=None, validator=optional_share)
    policy_id: str | None = None
    policy_version: str | None = None
    #: The holdout that applied; `assignments` has all that the subject is measured against here.
    holdout: HoldoutArm | None = None
    assignments: tuple[HoldoutArm, ...] = ()
    #: Whether a creative other than the default was eligible, so that lift can be measured.
    measured: bool = False
    objective: str | None = None
    consent: ConsentGround | None = None
    channel: str | None = None
    traffic: Traffic = "human"
    cache: CacheState = "miss"
    #: The creatives that were eligible, for telling whether a kept decision still stands.
    eligible: tuple[str, ...] = ()
    #: Until when it may be shown without asking again.
    valid_until: datetime | None = None
    #: Until when its place under a cap is reserved (RULES D6).
    reserved_until: datetime | None = None
    _content: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(
        factory=dict, alias="content", eq=False, repr=False
    )
    _items: tuple[ListItem, ...] | Callable[[], tuple[ListItem, ...]] = field(
        factory=tuple, alias="items", eq=False, repr=False
    )
    _reads: Reads | Callable[[], Reads] = field(factory=Reads, alias="reads", eq=False, repr=False)
    _draws: tuple[Draw, ...] | Callable[[], tuple[Draw, ...]] = field(
        factory=tuple, alias="draws", eq=False, repr=False
    )
    _segments: tuple[str, ...] | Callable[[], tuple[str, ...]] = field(
        factory=tuple, alias="segments", eq=False, repr=False
    )
    _token: str | Callable[[], str | None] | None = field(
        default=None, alias="token", eq=False, repr=False
    )
    _explanation: Explanation | Callable[[], Explanation] = field(
        factory=Explanation, alias="explanation", eq=False, repr=False
    )
    ext: Mapping[str, Any] = Factory(dict)
    #: Writes it as JSON from its record, which costs less than field by field; not written itself.
    _document: Callable[["Decision"], dict[str, Any]] | None = field(
        default=None, alias="document", eq=False, repr=False, metadata={"wire": False}
    )

    def _once(self, name: str) -> Any:
        value = getattr(self, name)
        if callable(value):
            value = value()
            object.__setattr__(self, name, value)
        return value

    @property
    def content(self) -> Mapping[str, Any]:
        """The creative's fields, filled for this person."""
        return self._once("_content")  # type: ignore[no-any-return]

    @property
    def items(self) -> tuple[ListItem, ...]:
        """
        The positions of a list slot; empty for a slot of one creative.

        Each has a `position`, the `item` (its id in the catalogue), `content`, `reason` and
        `propensity`, and says `because` of what.
        """
        return self._once("_items")  # type: ignore[no-any-return]

    @property
    def reads(self) -> Reads:
        """Everything the decision looked at, by path."""
        return self._once("_reads")  # type: ignore[no-any-return]

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The draw of a creative, or one draw per drawn position of a list."""
        return self._once("_draws")  # type: ignore[no-any-return]

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments the subject was in, as far as the slot's purpose lets them be seen."""
        return self._once("_segments")  # type: ignore[no-any-return]

    @property
    def token(self) -> str | None:
        """Proof of which decision this is, for reporting from elsewhere (RULES K2)."""
        return self._once("_token")  # type: ignore[no-any-return]

    @property
    def explanation(self) -> Explanation:
        """Why this was shown, and what was and was not looked at."""
        return self._once("_explanation")  # type: ignore[no-any-return]

    def get(self, name: str, alternative: Any = None) -> Any:
        """Give one field of the content, or *alternative* where it is absent; never raises."""
        try:
            return self.content.get(name, alternative)
        except Exception:  # noqa: BLE001 - rendering must never break the page that asks
            return alternative
