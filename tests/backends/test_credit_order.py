"""Who earns what does not depend on what the store has taken first (RULES F6, L2, M1, I2)."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.stories import close_to
from clew.backends.memory import MemoryStore
from clew.clock import instant, to_text
from clew.model.request import DecisionRequest
from client.worlds import DAY, HOUR, World, creative, embedded, people, policy, slot

WINDOW = DAY
PEOPLE = ("u-1", "a-1")


def shop(count: str) -> dict[str, Any]:
    """Two slots with one objective, one counts what is displayed and one what is served."""
    objective = {
        "id": "orders",
        "signal": "order_completed",
        "window_seconds": WINDOW,
        "count": count,
        **({"value": {"var": "data.total"}, "value_max": 50} if count == "sum" else {}),
    }
    return policy(
        objectives=[objective],
        holdouts=[{"id": "half", "salt": "s", "share": 0.2, "scope": ["hero"]}],
        slots=[slot("hero"), slot("list", counts_on="served")],
        creatives=[creative(name, "hero", "list") for name in ("plain", "fresh", "usual")],
    )


@frozen
class Step:
    """Something that happens: what, to which of those before it, how much, and how much later."""

    what: str
    which: int
    amount: float
    later: float


@st.composite
def stories(draw: st.DrawFn) -> list[Step]:
    """Decisions, what comes of them, and purchases, of one person with two ids."""
    often = ["decide", "display", "display", "buy", "tell both"]
    whats = [*often, *often, "convert", "undo", "void", "override", "over", "link"]
    steps = st.builds(
        Step,
        what=st.sampled_from(whats),
        which=st.integers(0, 3),
        amount=st.sampled_from([5.0, 20.0, 80.0]),
        later=st.sampled_from([1.0, 60.0, 5 * HOUR, 25 * HOUR]),
    )
    return draw(st.lists(steps, min_size=8, max_size=20))


class Told:
    """A story as facts, each an encoded batch item, in the order in which they happened."""

    def __init__(self, document: dict[str, Any], story: Sequence[Step]) -> None:
        self.world = World("memory://")
        self.facts: list[bytes] = []
        #: That both ids are one person; it may be told in the middle of the story or at its end.
        self.link: bytes | None = None
        self.made: list[dict[str, Any]] = []
        self.orders: list[tuple[str, float]] = []
        client = self.world.client(document)
        people(client, PEOPLE)
        self._deciding = embedded(client)
        for step in (Step("decide", 0, 0.0, 1.0), *story, Step("link", 0, 0.0, 1.0)):
            self.world.clock.move(seconds=step.later)
            getattr(self, f"_{step.what.replace(' ', '_')}")(step)
        self.apart = [fact for fact in self.facts if fact is not self.link]
        self.world.close()

    def linked(self, operation: str) -> bytes:
        """That both ids are one person, or are not any more."""
        pair = {"anonymous_subject": "a-1", "subject": "u-1"}
        return self._item("identity", id=operation, operation=operation, **pair)

    def _link(self, _step: Step) -> None:
        if self.link is None:
            self.link = self.linked("link")
            self.facts.append(self.link)

    def _decide(self, step: Step) -> None:
        asked = DecisionRequest(
            id=f"q-{len(self.made)}",
            slots=(("hero", "list")[step.which % 3 % 2],),
            subject=PEOPLE[step.which % 4 == 3],
        )
        _, [record] = self._deciding.decide(asked)
        self.made.append(orjson.loads(record)["decision"])
        self.facts.append(record)

    def _display(self, step: Step) -> None:
        self._outcome(step, "displayed")

    def _buy(self, step: Step) -> None:
        self._signal(self._order(step.amount), step)

    def _convert(self, step: Step) -> None:
        self._outcome(step, "converted", id=self._order(step.amount), value=step.amount)

    def _tell_both(self, step: Step) -> None:
        name = self._order(step.amount)
        self._signal(name, step)
        self._outcome(step, "converted", id=name, value=step.amount)

    def _undo(self, step: Step) -> None:
        name, amount = self.orders[step.which % len(self.orders)] if self.orders else ("none", 5.0)
        self._outcome(step, "converted", reverses=name, value=amount)

    def _void(self, step: Step) -> None:
        self._outcome(step, "voided")

    def _override(self, step: Step) -> None:
        self._outcome(step, "overridden")

    def _over(self, step: Step) -> None:
        made = self._of(step)
        self._add("outcome", type="voided", request_id=made["request_id"], subject=made["subject"])

    def _order(self, amount: float) -> str:
        self.orders.append((f"order-{len(self.orders)}", amount))
        return self.orders[-1][0]

    def _of(self, step: Step) -> dict[str, Any]:
        return self.made[step.which % len(self.made)]

    def _signal(self, name: str, step: Step) -> None:
        subject, data = PEOPLE[step.which % 4 == 3], {"total": step.amount}
        self._add("signal", id=name, type="order_completed", subject=subject, data=data)

    def _outcome(self, step: Step, kind: str, **more: Any) -> None:
        self._add("outcome", type=kind, decision=self._of(step)["id"], **more)

    def _add(self, kind: str, **more: Any) -> None:
        self.facts.append(self._item(kind, **more))

    def _item(self, kind: str, **more: Any) -> bytes:
        at = to_text(self.world.clock.now())
        own = {"id": f"o-{len(self.facts)}", "occurred_at": at, "received_at": at}
        return orjson.dumps({kind: own | more})


def learned(told: Told, document: dict[str, Any], *batches: Sequence[bytes]) -> Any:
    """
    By key, all sums of a new store that took a story in these batches, but what is nothing.

    What came late, was clipped or crossed over is told as it comes, and is no part of any result.
    """
    tables = stored(told, document, batches)
    sums = {
        key: {
            name: amount
            for name, amount in (found or {}).items()
            if abs(amount) > 1e-9 and name not in {"late", "clipped"}
        }
        for (_, key), found in tables.sums.items()
        if not key.startswith(("crossovers", "seen:"))
    }
    return {key: found for key, found in sums.items() if found}


def stored(told: Told, document: dict[str, Any], batches: Sequence[Sequence[bytes]]) -> Any:
    """All that a new store has after it took a story in these batches, and all of it again."""
    world = World("memory://")
    client = world.client(document)
    people(client, PEOPLE)
    client.flush(10)
    world.clock.set(told.world.clock.now())
    for expected, ways in (({"applied", "late"}, batches), ({"duplicate"}, [told.apart])):
        for batch in ways:
            results = embedded(client).append(list(batch))
            assert {result.status for result in results} <= expected
    store = embedded(client).store
    assert isinstance(store, MemoryStore)
    tables = store._latest.tables
    world.close()
    return tables


counts = st.sampled_from(["first", "every", "sum"])


def arriving(facts: Sequence[bytes], data: st.DataObject) -> list[list[bytes]]:
    """Facts in any order, in up to five batches."""
    order = data.draw(st.permutations(facts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(facts) - 1), max_size=4)))
    return [order[start:end] for start, end in itertools.pairwise([0, *cuts, len(facts)])]


@settings(max_examples=200)
@given(count=counts, story=stories(), data=st.data())
def test_any_order_of_arrival_teaches_the_same(count, story, data):
    """A store that took the facts of a person in any order and any batches says the same (F6)."""
    document = shop(count)
    told = Told(document, story)
    expected = learned(told, document, told.facts)
    assert learned(told, document, *arriving(told.facts, data)) == close_to(expected)


@given(count=counts, story=stories(), data=st.data())
def test_undoing_a_link_leaves_to_each_what_they_have_earned(count, story, data):
    """What was credited across a link goes back when it is undone, exactly (I2)."""
    document = shop(count)
    told = Told(document, story)
    expected = learned(told, document, told.apart)
    batches = [*arriving(told.facts, data), [told.linked("unmerge")]]
    assert learned(told, document, *batches) == close_to(expected)


@given(count=counts, story=stories(), data=st.data())
def test_any_order_of_arrival_measures_the_same(count, story, data):
    """Each trial begins and counts alike, whatever has come first; before it, see M11 (M4, F6)."""
    document = shop(count)
    told = Told(document, story)
    found, expected = (
        {
            (trial.subject, trial.triggered_at, name): value[:2]
            for trial in stored(told, document, way).trials.values()
            for name, value in trial.values.items()
            if any(value[:2])
        }
        for way in (arriving(told.apart, data), [told.apart])
    )
    assert found == close_to(expected)


@given(count=st.sampled_from(["first", "every"]), story=stories())
def test_what_is_earned_by_hand(count, story):
    """Each purchase is earned by the decision that the rules say (M1, L2, D8)."""
    document = shop(count)
    told = Told(document, story)
    sums = learned(told, document, told.facts)
    found = {
        f"{name} {figure}": amount
        for name in ("hero", "list")
        for figure, amount in sums.get(f"figures:{name}", {}).items()
        if figure.startswith("r:")
    }
    assert found == close_to(earned(told, is_once=count == "first"))


def earned(told: Told, *, is_once: bool) -> dict[str, float]:
    """By slot and creative, the weighted number of purchases that it has earned."""
    facts = [(kind, one) for item in told.facts for kind, one in orjson.loads(item).items()]
    outcomes = [one for kind, one in facts if kind == "outcome"]
    undone = {one["reverses"] for one in outcomes if "reverses" in one}
    reported = [one for one in outcomes if one["type"] == "converted" and "reverses" not in one]
    total: Counter[str] = Counter()
    for name in ("hero", "list"):
        counted = {made["id"]: at for made in told.made if (at := _counted(made, name, outcomes))}
        of_this = [one for one in reported if _slot(told, one) == name]
        known = {one["id"] for one in of_this}
        signals = [one for kind, one in facts if kind == "signal" and one["id"] not in known]
        winners = [
            (one, _earner(one, counted)) for one in (*of_this, *signals) if one["id"] not in undone
        ]
        winners.sort(key=lambda pair: (pair[0]["occurred_at"], pair[0]["id"]))
        rewarded = [decision for _, decision in winners if decision is not None]
        for decision in dict.fromkeys(rewarded) if is_once else rewarded:
            [made] = [one for one in told.made if one["id"] == decision]
            if made["reason"] == "bandit":
                total[f"{name} r:{made['creative']}"] += 1 / made["propensity"]
    return dict(total)


def _slot(told: Told, outcome: dict[str, Any]) -> str:
    [made] = [one for one in told.made if one["id"] == outcome["decision"]]
    return made["slot"]


def _counted(made: dict[str, Any], name: str, outcomes: list[dict[str, Any]]) -> float | None:
    """When a decision of a slot was counted; None where it was not, or does not stand."""
    own = [one for one in outcomes if one.get("decision") == made["id"]]
    said = {one["type"] for one in own}
    over = any(one.get("request_id") == made["request_id"] for one in outcomes)
    shown = [instant(one["occurred_at"]) for one in own if one["type"] == "displayed"]
    if name == "list":
        shown, over_counts = [instant(made["decided_at"])], over
    else:
        over_counts = over and not shown
    if made["slot"] != name or said & {"voided", "overridden"} or over_counts or not shown:
        return None
    return min(shown)


def _earner(outcome: dict[str, Any], counted: dict[str, float]) -> str | None:
    """The decision it names, else the last that was counted, if its window holds it."""
    at = instant(outcome["occurred_at"])
    among = {outcome["decision"]} & counted.keys() if "decision" in outcome else counted.keys()
    before = [(counted[one], one) for one in among if counted[one] <= at <= counted[one] + WINDOW]
    return max(before, default=(0.0, None))[1]
