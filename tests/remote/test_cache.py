"""The decision cache: whose decisions it keeps, for how long, and what becomes of unseen ones."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import cache
from clew.cache import Aging, DecisionCache, Entry, Kept
from clew.model.decision import Decision

SUBJECTS = ("u-1", "u-2", "a-1", "a-2")


def decision(name: str, subject: str | None = None, version: str = "1") -> Decision:
    """As much of a decision as matters here."""
    return Decision(
        id=name,
        slot="hero",
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        reason="bandit",
        subject=subject,
        policy_id="shop",
        policy_version=version,
    )


def keep(
    kept: DecisionCache, subject: str, made: Decision, key: bytes = b"", *, is_shown: bool = True
) -> None:
    """Keep a decision that was asked for just now."""
    entry = Entry(made, Aging(0.0, 5.0), is_shown)
    kept.put(subject, kept.of(subject), ("hero", key), entry)


def ids(kept: DecisionCache, subject: str) -> list[str]:
    """What is kept for the person a subject belongs to."""
    return [entry.decision.id for entry in kept.of(subject).entries.values()]


@pytest.mark.parametrize(
    ("aging", "expected"),
    [
        (Aging(100.0, 105.0), (110.0, 3_700.0)),
        (Aging(100.0, 100.0), (100.0, 3_700.0)),
        (Aging(100.0, 103.0, 104.0), (104.0, 104.0)),
        (Aging(100.0, 103.0, 1_000.0), (106.0, 1_000.0)),
    ],
    ids=["default", "never fresh", "a schedule ends soon", "a schedule ends later"],
)
def test_how_a_decision_ages(aging: Aging, expected: tuple[float, float]) -> None:
    """Fresh, then aging for as long again, then the last known good; never past a schedule."""
    assert (aging.aging_until, aging.good_until) == expected


def test_the_first_sight_is_no_hit() -> None:
    """A decision that was asked for ahead is new to whoever sees it first (D3)."""
    entry = Entry(decision("d-1"), Aging(0.0, 5.0), is_shown=False)
    assert [entry.show(now).cache for now in (1.0, 2.0, 6.0, 3.0)] == [
        "miss",
        "hit",
        "stale",
        "hit",
    ]
    assert entry.show(6.0).reason == "bandit"
    assert entry.stand_in().reason == "stale"


def test_what_lands_after_a_word_is_not_kept() -> None:
    """A place that was dropped meanwhile takes nothing more; unseen, it counts for nothing."""
    kept = DecisionCache()
    before = kept.of("u-1")
    kept.drop("u-1")
    for name, is_shown in (("d-1", True), ("d-2", False)):
        kept.put("u-1", before, ("hero", b""), Entry(decision(name), Aging(0.0, 5.0), is_shown))
    assert ids(kept, "u-1") == []
    assert [each.id for each in kept.unused] == ["d-2"]


def test_ids_that_decisions_show_to_be_one_person_are_dropped_together() -> None:
    """A decision that names another subject than was asked for tells that both are one person."""
    kept = DecisionCache()
    keep(kept, "a-1", decision("d-1", "u-1"))
    assert ids(kept, "a-1") == ids(kept, "u-1") == ["d-1"]
    kept.drop("u-1")
    assert ids(kept, "a-1") == []


def test_an_outcome_finds_its_person() -> None:
    """What is told of a decision is told of whom it was made for; of an unknown one, of nobody."""
    kept = DecisionCache()
    keep(kept, "u-1", decision("d-1"))
    kept.remember("d-1", "u-1")
    kept.drop_decision("d-2")
    assert ids(kept, "u-1") == ["d-1"]
    kept.drop_decision("d-1")
    assert ids(kept, "u-1") == []


def test_another_policy_drops_everything() -> None:
    """What an older version decided is kept for nobody; the newer one's is (D4)."""
    kept = DecisionCache()
    for subject in SUBJECTS:
        keep(kept, subject, decision(f"d-{subject}"), is_shown=subject != "a-2")
    keep(kept, "u-1", decision("d-new", version="2"))
    assert [ids(kept, subject) for subject in SUBJECTS] == [["d-new"], [], [], []]
    assert [each.id for each in kept.unused] == ["d-a-2"]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The people and the decisions of one that were not asked for longest give way."""
    monkeypatch.setattr(cache, "PEOPLE_MAX", 2)
    monkeypatch.setattr(cache, "KEPT_MAX", 2)
    monkeypatch.setattr(cache, "REMEMBERED_MAX", 2)
    kept = DecisionCache()
    for subject in ("u-1", "u-2", "u-1", "u-3"):
        for number in range(3):
            made = decision(f"{subject}-{number}")
            keep(kept, subject, made, b"%d" % number)
            kept.remember(made.id, subject)
    assert ids(kept, "u-1") == ["u-1-1", "u-1-2"]
    assert list(kept._people) == ["u-3", "u-1"]
    assert len(kept._subjects) == 2
    for number in range(5):
        kept.link(f"a-{number}", "u-1")
    assert list(kept._canonical) == ["a-3", "a-4"]


subjects = st.sampled_from(SUBJECTS)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("keep"), subjects, st.sampled_from([None, *SUBJECTS])),
            st.tuples(st.just("drop"), subjects, st.none()),
            st.tuples(st.just("link"), subjects, subjects),
            st.tuples(st.just("unlink"), subjects, subjects),
        ),
        max_size=40,
    ),
    subjects,
)
def test_no_word_leaves_anything_older(steps, told) -> None:
    """After a word about a subject nothing is kept for it, and no unseen decision is lost."""
    kept = DecisionCache()
    made: set[str] = set()
    for number, (step, one, other) in enumerate(steps):
        if step == "keep":
            made.add(f"d-{number}")
            keep(kept, one, decision(f"d-{number}", other), is_shown=False)
        elif step == "drop":
            kept.drop(one)
        elif one != other:
            getattr(kept, step)(one, other)
    kept.drop(told)
    assert ids(kept, told) == []
    held = {e.decision.id for place in kept._people.values() for e in place.entries.values()}
    unused = [each.id for each in kept.unused]
    assert len(unused) == len(set(unused))
    assert held | set(unused) == made
    assert not held & set(unused)


def test_a_place_of_nobody_is_never_current() -> None:
    """What may not be kept has a place of its own, which nobody finds."""
    assert not DecisionCache().is_current("u-1", Kept())
