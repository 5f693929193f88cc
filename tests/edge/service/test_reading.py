"""What can be read: the policy, measurements, profiles and decisions, and how the service is."""

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import pytest

from clew import schema
from clew.backends.embedded import Embedded
from clew.clock import to_text
from clew.engine.bucketing import store_bucket
from clew.ids import mint
from client.worlds import bundle, policy
from edge.service.asking import Asked, consent, opened, signal


def test_the_policy_has_its_digest_as_etag(here: Asked) -> None:
    """The policy is canonical JSON; who has it is told so in a few bytes (RFC 9110, 13)."""
    first = here.ask("GET", "/clew/v1/policy")
    schema.validate("policy", first.json)
    assert first.headers["etag"] == f'"{hashlib.sha256(first.body).hexdigest()}"'
    again = here.ask("GET", "/clew/v1/policy", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert here.ask("GET", "/clew/v1/policy", headers={"if-none-match": '"x"'}).status == 200


def test_measurements(here: Asked) -> None:
    """Lift is told per objective, each a document of its schema."""
    answer = here.ask("GET", "/clew/v1/measure?objective=orders&looks=2")
    [one] = answer.json["measurements"]
    schema.validate("measurement", one)
    assert one["objective"] == "orders"


@pytest.mark.parametrize(
    "query",
    [
        "objective=nothing",
        "looks=-1",
        "looks=x",
        "looks=1001",
        "look=1",
        "looks=1&looks=2",
        "objective=%ff",
    ],
)
def test_a_question_at_fault(here: Asked, query: str) -> None:
    """A question that has no answer is refused, and says what can be asked."""
    answer = here.ask("GET", f"/clew/v1/measure?{query}")
    assert answer.status == 400
    assert answer.json["detail"]


def test_a_profile_and_its_decisions(here: Asked) -> None:
    """A subject's profile and decisions are read by its id, whatever characters that has."""
    name = "ä/b c"
    escaped = "%C3%A4%2Fb%20c"
    here.append(consent(name, "c-1"), signal("s-1", subject=name))
    made = here.decide(name)
    found = here.ask("GET", f"/clew/v1/subjects/{escaped}").json
    schema.validate("profile", found)
    assert (found["subject"], found["computed"]["views"]) == (name, 1)
    [one] = here.ask("GET", f"/clew/v1/subjects/{escaped}/decisions").json["decisions"]
    assert one["id"] == made["id"]
    path = f"/clew/v1/subjects/{escaped}/decisions?within_seconds=0.000001"
    assert here.ask("GET", path).json == {"decisions": []}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"policy_id": "shop"},
        {"policy_id": "shop", "policy_version": "0"},
        {"policy_id": "shop", "policy_version": "1", "reads": {"withheld": ["declared.diet"]}},
    ],
    ids=["no policy", "no version", "a policy that is gone", "not whole"],
)
def test_a_record_that_cannot_be_shown_hides_no_other(here: Asked, more: dict[str, Any]) -> None:
    """Records are brought from elsewhere too; others of their person are read and made still."""
    id = mint(time.time(), store_bucket("shop", "ada"))
    at = to_text(time.time())
    own = {"id": id, "slot": "hero", "subject": "ada", "reason": "bandit", "request_id": "r-1"}
    brought = {"decision": {**own, "decided_at": at, **more}}
    assert here.append(consent(), brought, key="clew_admin") == [("applied", None)] * 2
    made = here.decide(request_id="r-2")
    if "reads" not in more:
        assert here.decide(request_id="r-1")["id"] != id
    assert here.ask("GET", f"/clew/v1/decisions/{id}").status == 404
    answer = here.ask("GET", "/clew/v1/subjects/ada/decisions")
    assert made["id"] in {one["id"] for one in answer.json["decisions"]}
    assert id not in {one["id"] for one in answer.json["decisions"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("subjects/", 400, id="no-subject"),
        pytest.param("subjects/%ff", 400, id="no-text"),
        pytest.param(f"subjects/{'x' * 129}", 400, id="too-long"),
        pytest.param("subjects/ada/signals", 404, id="nothing-there"),
        pytest.param("subjects/ada/decisions?within_seconds=nan", 400, id="no-number"),
        pytest.param("subjects/ada?x=1", 400, id="a-parameter-too-many"),
        pytest.param("decisions/d-1", 404, id="no-such-decision"),
        pytest.param("decisions/a/b", 400, id="a-slash"),
    ],
)
def test_what_cannot_be_read(here: Asked, path: str, status: int) -> None:
    """What is not there, or not well asked for, is refused with what to do."""
    answer = here.ask("GET", f"/clew/v1/{path}")
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


def test_another_method(here: Asked) -> None:
    """A route that takes another method says which (RFC 9110, 15.5.6)."""
    answer = here.ask("GET", "/clew/v1/append")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_health_needs_no_key(here: Asked) -> None:
    """Whether the process lives and its stores answer is told to everybody."""
    for path in ("/healthz", "/readyz"):
        assert here.ask("GET", path, key=None).json == {"status": "ok"}


def test_a_sick_store_is_not_ready(here: Asked, caplog: pytest.LogCaptureFixture) -> None:
    """The service lives, is not ready, and says to send again; the log says once why."""
    here.tenant.backend.close()
    assert here.ask("GET", "/healthz").status == 200
    for _ in range(5):
        sick = here.ask("GET", "/readyz")
        assert (sick.status, sick.headers["retry-after"]) == (503, "1")
    (told,) = caplog.messages
    assert told.startswith("not ready: a store does not answer")
    asked = {"slots": ["hero"], "subject": "ada"}
    assert here.ask("POST", "/clew/v1/decide", asked).status == 503


@pytest.mark.parametrize("body", [None, b"{}"], ids=["not-stored", "unreadable"])
def test_a_policy_that_cannot_be_read(tmp_path: Path, body: bytes | None) -> None:
    """No route takes facts or answers as if all were well; the others live, and it ends (D2)."""
    with opened(tmp_path) as here:
        assert here.append(consent()) == [("applied", None)]
        backend = here.tenant.backend
        assert isinstance(backend, Embedded)
        with backend.store.write() as write:
            if body is not None:
                write.put_setting("shop", "policy:shop 9", body)
            write.put_setting("shop", "policy.live", b"shop 9")
        message = {"userId": "ada", "event": "product_viewed", "messageId": "m-1"}
        asked = [
            ("POST", "/clew/v1/append", {"items": [signal("s-1")]}),
            ("POST", "/v1/track", message),
            ("POST", "/clew/v1/decide", {"slots": ["hero"], "subject": "ada"}),
            ("POST", "/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "ada"}}),
            ("GET", "/clew/v1/policy", b""),
            ("GET", "/readyz", b""),
        ]
        said = [here.ask(*one) for one in asked]
        assert [(one.status, one.headers["retry-after"]) for one in said] == [(503, "1")] * 6
        assert here.stored("signal") == []
        assert here.ask("GET", "/healthz").status == 200
        assert here.ask("GET", "/clew/v1/policy", key="clew_other").status == 200
    with opened(tmp_path) as here:  # it starts none the less
        assert here.ask("GET", "/readyz").status == 503
        assert isinstance(here.tenant.backend, Embedded)
        here.tenant.backend.shelf.publish(bundle(policy(version="10")))
        assert here.ask("GET", "/readyz").status == 200
        assert here.append(signal("s-1")) == [("applied", None)]


def test_what_is_counted(here: Asked) -> None:
    """Requests, facts and decisions are counted; nothing names whose they are."""
    here.append(consent(), signal("s-1"), signal("s-1"), {"x": 1})
    here.append(signal("s-2", mood="loud", wind="calm"))  # of a newer client (F2)
    here.decide(mood="loud")
    here.ask("GET", "/nowhere")
    here.tenant.client.flush()
    text = here.ask("GET", "/metrics", key=None).body.decode()
    plain = re.sub(r'worker="\d+",?', "", text)
    for line in (
        'clew_requests_total{route="/clew/v1/append",status="200"} 2',
        'clew_requests_total{route="other",status="404"} 1',
        'clew_items_total{kind="signal",result="applied"} 2',
        'clew_items_total{kind="signal",result="duplicate"} 1',
        'clew_items_total{kind="unknown",result="refused"} 1',
        'clew_unknown_fields_total{document="signal"} 2',
        'clew_unknown_fields_total{document="decision_request"} 1',
        "clew_pending{} 0",
        "clew_decide_seconds_count{} 1",
        'clew_decide_seconds_bucket{le="+Inf"} 1',
    ):
        assert line in plain.splitlines()
    assert not {"shop", "ada", "clew_shop"} & set(re.findall(r"\w+", text))
