"""What a value is as JSON, and what is read back."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clew import schema
from clew.codec import FAULTS_MAX, dumps, from_json, loads, to_json
from clew.codec.classes import wire_fields
from clew.errors import DocumentError
from clew.model.batch import Batch, BatchItem
from clew.model.decision import Decision, Explanation, ListItem
from clew.model.policy import Holdout, Policy, Slot, Weighted
from clew.model.request import DecisionRequest
from clew.model.signal import Signal
from clew.testing.strategies import values
from schemas.documents import CLASSES, DOCUMENTS

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
SIGNAL = {
    "id": "s-1",
    "type": "product_viewed",
    "subject": "u-42",
    "occurred_at": "2026-03-01T10:00:00.000000Z",
}


def faults(cls: type, document: Any, **options: Any) -> list[tuple[str, str]]:
    """Give the place and the keyword of everything that is wrong."""
    with pytest.raises(DocumentError) as caught:
        from_json(cls, document, **options)
    return [(one.pointer, one.keyword) for one in caught.value.problems]


def held(value: Any) -> Any:
    """Give all that a value holds, with what a decision leaves out of its equality."""
    return {one.alias: getattr(value, one.alias) for one in wire_fields(type(value))}


@pytest.mark.parametrize(("name", "cls"), CLASSES.items(), ids=CLASSES)
@settings(
    max_examples=20,
    # A fault of a part shows in the part itself, small as it is; to shrink a policy takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_the_round_trip(name: str, cls: type, data: st.DataObject) -> None:
    """Any value is valid under its schema as JSON, and is the same when it is read back."""
    value = data.draw(values(cls))
    text = dumps(value)
    schema.validate(name, orjson.loads(text))
    back = loads(cls, text)
    assert held(back) == held(value)
    assert dumps(back) == text


def test_defaults_are_left_out() -> None:
    """A field that has its default is not written."""
    assert (
        to_json(Signal(id="s-1", type="product_viewed", subject="u-42", occurred_at=AT)) == SIGNAL
    )


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param(AT, "2026-03-01T10:00:00.000000Z", id="utc"),
        pytest.param(
            datetime(2026, 3, 1, 11, 0, 0, 5, timezone(timedelta(hours=1))),
            "2026-03-01T10:00:00.000005Z",
            id="another-zone",
        ),
        pytest.param(datetime(33, 4, 3, tzinfo=UTC), "0033-04-03T00:00:00.000000Z", id="long-ago"),
    ],
)
def test_instants_are_written_in_utc(at: datetime, text: str) -> None:
    """An instant of any zone is RFC 3339 text in UTC."""
    assert to_json(Signal(id="s", type="t", subject="u", occurred_at=at))["occurred_at"] == text


def test_an_instant_without_zone_is_refused() -> None:
    """An instant that does not say its offset is not written."""
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="offset"):
        to_json(Signal(id="s", type="t", subject="u", occurred_at=naive))


def test_a_decision_is_computed_to_be_written() -> None:
    """What a decision computes late is computed once and written under its public name."""
    calls = []

    def content() -> dict[str, Any]:
        calls.append("content")
        return {"headline": "Fresh"}

    decision = Decision(
        id="d-1",
        slot="hero",
        decided_at=AT,
        reason="bandit",
        content=content,
        items=lambda: (ListItem(position=0, reason="pinned"),),
        segments=lambda: ("keen",),
        token=lambda: "t",
        explanation=lambda: Explanation(because=("you asked",)),
    )
    written = to_json(decision)
    assert to_json(decision) == written
    assert calls == ["content"]
    assert {name: written[name] for name in ("content", "items", "segments", "token")} == {
        "content": {"headline": "Fresh"},
        "items": [{"position": 0, "reason": "pinned"}],
        "segments": ["keen"],
        "token": "t",
    }
    assert written["explanation"] == {"because": ["you asked"]}
    assert not any(name.startswith("_") for name in written)


@pytest.mark.parametrize(
    ("cls", "field", "document", "expected"),
    [
        pytest.param(Slot, "objective", "orders", "orders", id="one-objective"),
        pytest.param(
            Slot,
            "objective",
            [{"id": "orders", "weight": 2}],
            (Weighted(id="orders", weight=2),),
            id="weighted-objectives",
        ),
        pytest.param(Holdout, "scope", "all", "all", id="scope-all"),
        pytest.param(Holdout, "scope", ["hero"], ("hero",), id="scope-of-slots"),
    ],
)
def test_one_or_several(cls: type, field: str, document: Any, expected: Any) -> None:
    """A field that takes one name or a list is told apart by what it holds."""
    base = {
        Slot: {"id": "hero", "strategy": "split", "default": "plain", "purpose": "p"},
        Holdout: {"id": "global", "salt": "1", "share": 0.1},
    }[cls]
    value = from_json(cls, base | {field: document})
    assert getattr(value, field) == expected
    assert to_json(value).get(field, "all") == document


def test_rules_are_left_alone() -> None:
    """A rule comes back as the very JSON it was."""
    rule = {">=": [{"var": "computed.views_30d"}, 3]}
    creative = {"id": "a", "version": "1", "slots": ["hero"], "content": {}, "when": rule}
    [document] = [{"id": "p", "version": "1", "purposes": [], "slots": [], "creatives": [creative],
                   "objectives": [{"id": "o", "signal": "s"}]}]  # fmt: skip
    assert from_json(Policy, document).creatives[0].when is rule


def test_a_policy_may_name_its_schema() -> None:
    """`$schema` is taken in a policy and not kept; elsewhere it is an unknown field."""
    document = schema.load("policy")["examples"][0]
    assert document["$schema"] == "urn:clew:policy:1"
    assert "$schema" not in to_json(from_json(Policy, document))
    assert faults(Signal, {**SIGNAL, "$schema": "x"}) == [("/$schema", "additionalProperties")]


def test_all_problems_are_told_at_once() -> None:
    """Missing, unknown, misspelled and out of bounds: each is told with its place."""
    signal = {"type": "9 lives", "subject": "", "occurred_at": "soon", "party": "fourth", "who": 1}
    document = {"items": [{"signal": SIGNAL}, {"signal": signal | {"data": []}}, {"outcome": 3}]}
    at = "/items/1/signal"
    assert set(faults(Batch, document)) == {
        (at, "required"),
        (f"{at}/type", "value"),
        (f"{at}/subject", "value"),
        (f"{at}/occurred_at", "pattern"),
        (f"{at}/party", "enum"),
        (f"{at}/data", "type"),
        (f"{at}/who", "additionalProperties"),
        ("/items/2/outcome", "type"),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("id", 7, id="number-for-text"),
        pytest.param("purposes", "personalise", id="text-for-list"),
        pytest.param("data", "sku", id="text-for-object"),
        pytest.param("source", None, id="null"),
    ],
)
def test_nothing_is_coerced(field: str, value: Any) -> None:
    """A value of another type is refused, not made to fit."""
    assert faults(Signal, SIGNAL | {field: value}) == [(f"/{field}", "type")]


@pytest.mark.parametrize(
    ("value", "taken"), [(7, True), (7.0, True), (7.5, False), ("7", False), (True, False)]
)
def test_whole_numbers(value: Any, taken: bool) -> None:  # noqa: FBT001
    """A number without fraction is whole, as JSON Schema has it; text and true are no numbers."""
    document = schema.load("profile")["examples"][0] | {"signals": value}
    cls = DOCUMENTS["profile"]
    if taken:
        assert type(from_json(cls, document).signals) is int  # type: ignore[attr-defined]
    else:
        assert faults(cls, document) == [("/signals", "type")]


def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    """Whoever misspells a field is told which one was probably meant (F2)."""
    with pytest.raises(DocumentError, match="did you mean `session_id`"):
        from_json(Signal, SIGNAL | {"sesion_id": "s"})


def test_a_reader_on_the_wire_keeps_what_it_does_not_know() -> None:
    """Unknown fields go to `ext`, at any depth, beside what is there, and are counted (F2)."""
    kept = Counter[str]()
    newer = SIGNAL | {"colour": "blue", "size": 3, "channel": None, "ext": {"mine": 1}}
    document = {"items": [{"signal": newer}, {"signal": SIGNAL}], "urgent": True}
    batch = from_json(Batch, document, keep_unknown=True, kept=kept)
    [first, second] = [item.signal for item in batch.items]
    assert first is not None
    assert first.ext == {"colour": "blue", "size": 3, "mine": 1}
    assert first.channel is None
    assert second == from_json(Signal, SIGNAL)
    assert kept == {"signal": 2, "batch": 1}


def test_a_reader_on_the_wire_still_checks_what_it_knows() -> None:
    """Keeping unknown fields excuses no fault in the known ones (F2)."""
    document = SIGNAL | {"party": "fourth", "colour": "blue"}
    assert faults(Signal, document, keep_unknown=True) == [("/party", "enum")]


@pytest.mark.parametrize("kinds", [(), ("signal", "outcome")], ids=["none", "two"])
def test_an_item_holds_one_fact(kinds: tuple[str, ...]) -> None:
    """A batch item without a fact, or with two, is no item."""
    with pytest.raises(ValueError, match="an item holds one"):
        BatchItem(**dict.fromkeys(kinds, "x"))


def test_text_that_is_no_json() -> None:
    """Text that does not parse is one problem of the whole document."""
    with pytest.raises(DocumentError, match="no JSON") as caught:
        loads(Signal, b'{"id": ')
    assert [one.pointer for one in caught.value.problems] == [""]


def test_a_fork_waits_until_the_codec_is_loaded() -> None:
    """A child that is forked while a thread of its parent loads cattrs reads as its parent does."""
    program = f"""
import os, signal, sys, threading
from clew.codec import from_json
from clew.model.signal import Signal
document = {SIGNAL!r}
loading = threading.Thread(target=from_json, args=(Signal, document))
loading.start()
while "cattrs" not in sys.modules:
    pass
child = os.fork()
signal.alarm(50)  # nobody waits for ever, in the child either
from_json(Signal, document)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_importing_the_codec_stays_light() -> None:
    """Neither cattrs nor jsonschema is loaded before it is used."""
    program = "import sys, clew.codec; print({'cattrs', 'jsonschema'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


class Counted(list[Any]):
    """A list that knows how far it was read."""

    read = 0

    def __iter__(self) -> Iterator[Any]:
        for entry in super().__iter__():
            self.read += 1
            yield entry


def test_no_more_faults_are_sought_than_are_told() -> None:
    """A list of nothing but faults is not read to its end: to find a fault has its price."""
    slots = Counted([0] * 1_000)
    with pytest.raises(DocumentError) as caught:
        from_json(DecisionRequest, {"slots": slots})
    assert [one.keyword for one in caught.value.problems] == ["type"] * FAULTS_MAX + ["faults"]
    assert slots.read == FAULTS_MAX + 1
