"""`POST /clew/v1/decide`: slots are filled, with the subject's unsent signals first."""

from pathlib import Path
from typing import Any

import pytest

from clew import schema
from clew.backends import deciding
from clew_edge.service.app import Service
from clew_edge.service.tenants import Tenant
from client.worlds import creative, policy, slot
from edge.service.asking import Asked, consent, key_file, opened, running, signal

VIEWED = {"==": [{"var": "computed.views"}, 1]}
DOCUMENT = policy(
    slots=[slot(strategy="priority"), slot("side", strategy="priority")],
    creatives=[
        creative("plain", "hero", "side"),
        creative("again", "hero", priority=1, when=VIEWED),
    ],
)


@pytest.fixture
def here(tmp_path: Path) -> Any:
    """A service whose slot `hero` shows that somebody has viewed a product."""
    with opened(tmp_path, document=DOCUMENT) as asked:
        yield asked


def decide(here: Asked, *, key: str = "clew_shop", query: str = "", **request: Any) -> Any:
    """Ask for decisions."""
    return here.ask("POST", f"/clew/v1/decide{query}", {"subject": "ada", **request}, key=key)


def test_a_decision_is_its_document(here: Asked) -> None:
    """A decision has its content, token and explanation, and is valid under its schema."""
    here.append(consent())
    [made] = decide(here, slots=["hero"]).json["decisions"]
    schema.validate("decision", made)
    assert made["content"] == {"headline": "plain"}
    assert {"token", "explanation"} <= made.keys()


def test_signals_of_the_request_count_first(here: Asked) -> None:
    """The subject's unsent signals are stored and seen by the decision of the same request (F4)."""
    here.append(consent())
    unsent = signal("s-1")["signal"]
    [made] = decide(here, slots=["hero"], signals=[unsent]).json["decisions"]
    assert made["creative"] == "again"
    assert here.append({"signal": unsent}) == [("duplicate", None)]


def test_signals_need_the_scope_append(here: Asked) -> None:
    """A key that may only decide brings no signals."""
    refused = decide(here, key="clew_decide", slots=["hero"], signals=[signal("s-1")["signal"]])
    assert (refused.status, refused.json["detail"]) == (
        403,
        "`signals` need a key with the scope `append`",
    )


def test_all_slots_of_a_page(here: Asked) -> None:
    """One request fills a whole page; a slot that the policy has not is said to be unknown (D2)."""
    made = decide(here, slots=["hero", "side", "nowhere"]).json["decisions"]
    assert [one["slot"] for one in made] == ["hero", "side", "nowhere"]
    assert made[2]["reason"] == "unknown_slot"
    assert not {"token", "propensity", "creative"} & made[2].keys()


def test_the_same_request_has_the_same_decision(here: Asked) -> None:
    """A request id makes deciding idempotent (D5)."""
    here.append(consent())
    first, again = (
        decide(here, slots=["hero"], request_id="r-1").json["decisions"][0] for _ in range(2)
    )
    assert (first["id"], again["cache"]) == (again["id"], "hit")


def test_only_the_fields_that_are_asked_for(here: Asked) -> None:
    """`fields` leaves out all else but what every decision has."""
    [made] = decide(here, slots=["hero"], query="?fields=content,creative").json["decisions"]
    assert made.keys() == {"id", "slot", "decided_at", "reason", "content", "creative"}


def test_a_large_request_is_refused_in_words_of_its_own(here: Asked) -> None:
    """Who asks for decisions has no facts to send fewer of."""
    answer = here.ask("POST", "/clew/v1/decide", b" " * 1_048_577)
    assert (answer.status, answer.json["detail"]) == (
        413,
        "the body is over 1048576 bytes; send less at once",
    )


def test_a_newer_request_is_understood(here: Asked) -> None:
    """What a newer client adds to its request is no fault (F2)."""
    assert decide(here, slots=["hero"], mood="loud", session_id=None).status == 200


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        pytest.param({}, "", id="no-slots"),
        pytest.param({"slots": [7]}, "/slots/0", id="a-slot-that-is-no-text"),
        pytest.param({"slots": ["hero"], "subject": ""}, "/subject", id="empty-subject"),
        pytest.param({"slots": ["hero"], "signals": [{}]}, "/signals/0", id="a-signal-at-fault"),
    ],
)
def test_a_request_at_fault(here: Asked, request_: dict[str, Any], pointer: str) -> None:
    """A request that breaks its schema is refused, with the place of every fault (W1.11)."""
    refused = decide(here, **request_)
    assert refused.status == 422
    assert pointer in {one["pointer"] for one in refused.json["errors"]}


def test_too_many_slots(here: Asked) -> None:
    """More slots than a page can have are refused."""
    assert decide(here, slots=[f"slot-{n}" for n in range(101)]).status == 422


def test_without_a_policy_there_is_nothing_to_show(tmp_path: Path) -> None:
    """Where nothing is live the answer says so, and whoever asked has its own default (D2)."""
    service = Service(
        key_file(tmp_path), lambda name: Tenant(f"sqlite:///{tmp_path / 'clew.db'}", name)
    )
    with running(service) as here:
        [made] = decide(here, slots=["hero"]).json["decisions"]
        assert (made["reason"], made.get("token"), made.get("content")) == ("default", None, None)
        assert here.ask("GET", "/clew/v1/policy").status == 404


def test_a_decision_that_fails_is_nobody_elses(
    here: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault with one person is not told as an outage: whoever asks for others goes on asking."""
    here.append(consent())
    whole = deciding.present

    def present(policy: Any, made: Any, **more: Any) -> Any:
        if made.get("subject") == "ada":
            raise RuntimeError("damaged")
        return whole(policy, made, **more)

    monkeypatch.setattr(deciding, "present", present)
    answer = decide(here, slots=["hero"])
    assert (answer.status, answer.json["type"]) == (500, "urn:clew:problem:internal")
    assert "retry-after" not in answer.headers
    assert decide(here, slots=["hero"], subject="bob").status == 200


def test_a_slot_that_fails_leaves_the_others(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one slot cannot do is told of it alone, and the others are decided and recorded (D7)."""
    here.append(consent())
    whole = deciding.present

    def present(policy: Any, made: Any, **more: Any) -> Any:
        if made["slot"] == "side":
            raise RuntimeError("damaged")
        return whole(policy, made, **more)

    monkeypatch.setattr(deciding, "present", present)
    made = decide(here, slots=["hero", "side"]).json["decisions"]
    assert [one["reason"] for one in made] == ["no_eligible", "error"]
    here.tenant.client.flush()
    assert [one["id"] for one in here.stored("decision")] == [made[0]["id"]]
