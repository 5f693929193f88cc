"""Who may do what: keys, scopes and tenants (T22), and how keys are replaced."""

from pathlib import Path
from typing import Any

import pytest

from clew import DocumentError
from clew_edge.service.intake import take
from clew_edge.service.keys import Key, KeyFile, presented
from clew_edge.service.problems import RefusedError
from client.worlds import policy
from edge.service.asking import (
    KEYS,
    Answer,
    Asked,
    consent,
    opened,
    outcome,
    signal,
    write_keys,
)

#: Every route that needs a key, with the scope that opens it.
ROUTES = {
    ("POST", "/clew/v1/append"): "append",
    ("POST", "/clew/v1/decide"): "decide",
    ("GET", "/clew/v1/policy"): "decide",
    ("GET", "/clew/v1/measure"): "measure",
    ("GET", "/clew/v1/subjects/ada"): "subjects",
    ("GET", "/clew/v1/subjects/ada/decisions"): "subjects",
    ("GET", "/clew/v1/decisions/d-1"): "subjects",
    ("POST", "/v1/batch"): "append",
    ("POST", "/v1/track"): "append",
    ("POST", "/ofrep/v1/evaluate/flags"): "decide",
    ("POST", "/ofrep/v1/evaluate/flags/hero"): "decide",
}

#: By secret, the scopes that count.
EFFECTIVE = {
    "clew_admin": {"append", "decide", "measure", "subjects"},
    "clew_append": {"append"},
    "clew_browser": {"append"},
    "clew_decide": {"decide"},
    "clew_measure": {"measure"},
    "clew_parcels": {"append"},
    "clew_shop": {"append", "decide", "measure", "subjects"},
    "clew_subjects": {"subjects"},
}


@pytest.mark.parametrize("key", EFFECTIVE)
def test_a_key_opens_what_its_scopes_say(here: Asked, key: str) -> None:
    """Each key against every route: 403 for all that its scopes do not name, and no other (T22)."""
    closed = {route for route in ROUTES if here.ask(*route, {}, key=key).status == 403}
    assert closed == {route for route, scope in ROUTES.items() if scope not in EFFECTIVE[key]}


def test_who_may_decide_may_take_back(here: Asked) -> None:
    """A key for decisions alone voids a request whose answer is lost, and brings no other fact."""
    here.append(consent())
    [made] = here.ask(
        "POST", "/clew/v1/decide", {"id": "q-1", "slots": ["hero"], "subject": "ada"}
    ).json["decisions"]
    void = outcome("o-1", "voided", request_id="q-1", subject="ada")
    seen = outcome("o-2", decision=made["id"])
    for items in ([seen], [void, seen], [signal("s-1")], []):
        answer = here.ask("POST", "/clew/v1/append", {"items": items}, key="clew_decide")
        assert (answer.status, answer.json["type"]) == (403, "urn:clew:problem:scope")
    assert here.append(void, key="clew_decide")[0][0] == "applied"
    here.tenant.client.flush()
    assert here.ask("GET", "/clew/v1/subjects/ada/decisions").json["decisions"] == []


@pytest.mark.parametrize("key", [None, "clew_forged", "", "x" * 5_000])
def test_no_route_without_a_key(here: Asked, key: str | None) -> None:
    """Without a key, or with one that is not known, no route says anything (T22)."""
    answers = [here.ask(*route, {}, key=key) for route in ROUTES]
    assert {one.status for one in answers} == {401}


@pytest.mark.parametrize(
    ("path", "body"),
    [("/clew/v1/decide", {"slots": ["hero"]}), ("/clew/v1/append", {"items": [consent()]})],
    ids=["decide", "append"],
)
def test_a_key_of_another_tenant_than_is_meant(here: Asked, path: str, body: Any) -> None:
    """Who means another tenant than the key's is refused, with what to do (T22)."""
    answer = here.ask("POST", path, body, headers={"clew-tenant": "acme"})
    assert (answer.status, answer.json["type"]) == (403, "urn:clew:problem:tenant")
    assert "opens tenant 'shop', not 'acme'" in answer.json["detail"]
    assert here.stored("consent") == []
    assert here.ask("POST", path, body, headers={"clew-tenant": "shop"}).status == 200


def test_a_partner_writes_its_own_types_only(here: Asked) -> None:
    """A partner's key stores signals of its types, as a partner's, and no other fact (C28)."""
    here.append(consent())
    said = [
        signal("p-1", "parcel_delayed", party="first"),
        signal("p-2", "product_viewed"),
        consent("ada", "c-2"),
        outcome("o-1", decision="d-1"),
    ]
    results = here.append(*said, key="clew_parcels")
    # The shop's policy has no use for the partner's type, so what stops it is the ledger alone.
    assert results == [
        ("refused", "no_basis"),
        ("refused", "scope"),
        ("refused", "scope"),
        ("refused", "scope"),
    ]


def test_a_partners_word_is_marked_as_such(here: Asked) -> None:
    """Whatever a partner's payload says of its party, it is a partner's (C28)."""
    here.append(consent())
    key = Key(id="p", tenant="shop", scopes=frozenset(), types=("product_",))
    [result] = here.run(take(key, here.tenant, [signal("p-1", party="zero")]))
    assert result.status == "applied"
    [stored] = here.stored("signal")
    assert stored["party"] == "partner"


def append(here: Asked, id: str) -> Answer:
    """A parcel's signal, as a batch of clew's."""
    item = signal(id, "parcel_done")
    return here.ask("POST", "/clew/v1/append", {"items": [item]}, key="clew_parcels")


def cloud_event(here: Asked, id: str) -> Answer:
    """The same as a CloudEvent, from the source that the shop names, too."""
    return send_event(here, id, "parcel_done", "clew_parcels")


def send_event(here: Asked, id: str, type: str, key: str) -> Answer:
    """Store one CloudEvent."""
    event = {"specversion": "1.0", "id": id, "source": "shop", "type": type, "subject": "ada"}
    headers = {"content-type": "application/cloudevents-batch+json"}
    return here.ask("POST", "/clew/v1/append", [event], key=key, headers=headers)


def track(here: Asked, id: str) -> Answer:
    """The same as a message of a Segment client."""
    message = {"messageId": id, "userId": "ada", "event": "parcel_done"}
    return here.ask("POST", "/v1/track", message, key="clew_parcels")


def with_parcels() -> Any:
    """A policy that has a use for the signals of a partner."""
    document = policy()
    [views, *others] = document["traits"]
    parcels = {**views, "id": "parcels", "signal": "parcel_done"}
    return {**document, "traits": [views, *others, parcels]}


@pytest.mark.parametrize("way", [append, cloud_event, track])
def test_a_partner_takes_no_id_of_the_shop(tmp_path: Path, way: Any) -> None:
    """The number of an order in a partner's signal makes no duplicate of the order (C28, M1)."""
    with opened(tmp_path, document=with_parcels()) as here:
        here.append(consent())
        made = here.decide()
        here.tenant.client.flush()
        for _ in range(2):  # a partner's own dedupe as they did
            assert way(here, "order-1").status == 200
        assert len(here.stored("signal")) == 1
        assert here.append(
            signal("order-1", "order_completed"),
            outcome("order-1", "converted", decision=made["id"]),
        ) == [("applied", None), ("applied", None)]
        ordered = send_event(here, "order-1", "order_completed", "clew_shop")
        assert ordered.results == [("applied", None)]


def test_a_partner_takes_no_outcome_of_the_shop(tmp_path: Path) -> None:
    """A conversion that a server reports counts, whatever a partner has called so (C28, M1)."""
    with opened(tmp_path, document=with_parcels()) as here:
        here.append(consent())
        made = here.decide()
        here.tenant.client.flush()
        append(here, "pay-7")
        reported = outcome("pay-7", "converted", decision=made["id"])
        assert here.append(reported) == [("applied", None)]


@pytest.mark.parametrize("id", ["o-1", "x" * 128, "\u20ac" * 128], ids=["short", "long", "wide"])
@pytest.mark.parametrize("key", ["clew_parcels", "clew_browser"])
def test_the_answer_names_what_was_sent(tmp_path: Path, key: str, id: str) -> None:
    """Partners and browsers are answered by their own ids, and send the same again as they like."""
    with opened(tmp_path, document=with_parcels()) as here:
        here.append(consent())
        token = here.decide()["token"]
        here.tenant.client.flush()
        said = outcome(id, token=token) if "browser" in key else signal(id, "parcel_done")
        for status in ("applied", "duplicate"):
            answer = here.ask("POST", "/clew/v1/append", {"items": [said]}, key=key)
            assert answer.json == {"results": [{"id": id, "status": status}]}


def test_a_browser_takes_no_id_of_the_shop(here: Asked) -> None:
    """A display that goes by the number of an order takes nothing from the order (K2, M1)."""
    here.append(consent())
    made = here.decide()
    here.tenant.client.flush()
    told = [outcome("order-1", token=made["token"]), outcome("order-1", token=made["token"])]
    assert here.append(*told, key="clew_browser") == [("applied", None), ("duplicate", None)]
    assert here.append(
        outcome("order-1", "sent", decision=made["id"]),
        signal("order-1", "order_completed"),
    ) == [("applied", None), ("applied", None)]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        pytest.param({"type": "displayed"}, None, id="displayed"),
        pytest.param({"type": "interacted"}, None, id="interacted"),
        pytest.param({"type": "dismissed"}, None, id="dismissed"),
        pytest.param({"type": "converted"}, "scope", id="converted"),
        pytest.param({"type": "voided"}, "scope", id="voided"),
        pytest.param({"type": "displayed", "value": 1.0}, "scope", id="valued"),
        pytest.param({"type": "displayed", "reverses": "o-0"}, "scope", id="reversing"),
    ],
)
def test_what_a_browser_may_report(here: Asked, said: Any, cause: str | None) -> None:
    """A browser's key reports what was displayed, interacted with and dismissed, no value (K2)."""
    here.append(consent())
    token = here.decide()["token"]
    here.tenant.client.flush()
    [(status, found)] = here.append(outcome("o-1", token=token, **said), key="clew_browser")
    assert (status, found) == ("refused" if cause else "applied", cause)


def test_a_browser_names_no_decision_and_says_nothing_else(here: Asked) -> None:
    """A browser proves which decision it means by its token, and emits nothing (K2)."""
    said = [outcome("o-1", decision="d-1"), signal("s-1"), consent()]
    assert here.append(*said, key="clew_browser") == [("refused", "scope")] * 3


# The file.


class HandTime:
    """Seconds, moved by hand."""

    at = 0.0

    def __call__(self) -> float:
        """The present instant."""
        return self.at


def key_file(path: Path, now: HandTime, **entries: Any) -> KeyFile:
    """Keys by secret over a file."""
    write_keys(path, entries or KEYS)
    return KeyFile(path, now=now, wall=now)


ONE = {"tenant": "shop", "scopes": ["append"]}


def test_keys_are_replaced_while_serving(tmp_path: Path) -> None:
    """A new key holds and a removed one is refused at most a second after the file has changed."""
    now, path = HandTime(), tmp_path / "keys.json"
    keys = key_file(path, now, old=ONE)
    write_keys(path, {"new": ONE})
    assert keys.find("old").tenant == "shop"  # not looked at again yet
    now.at = 1.0
    assert keys.find("new").tenant == "shop"
    with pytest.raises(RefusedError) as refused:
        keys.find("old")
    assert refused.value.status == 401


def test_a_file_that_became_wrong_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the file is wrong or absent the keys stay what they were, and the log says why."""
    now, path = HandTime(), tmp_path / "keys.json"
    keys = key_file(path, now, old=ONE)
    path.write_text("{")
    now.at = 1.0
    assert keys.find("old").id == "old"
    path.unlink()
    now.at = 2.0
    assert keys.find("old").id == "old"
    assert len(caplog.records) == 2


def test_a_key_expires(tmp_path: Path) -> None:
    """From its last instant on a key is refused, and the refusal says so."""
    now = HandTime()
    keys = key_file(tmp_path / "keys.json", now, k={**ONE, "expires_at": "1970-01-01T00:00:10Z"})
    now.at = 9.9
    assert keys.find("k").id == "k"
    now.at = 10.0
    with pytest.raises(RefusedError, match="expired"):
        keys.find("k")


def test_a_key_has_its_rate(tmp_path: Path) -> None:
    """Beyond its rate a key is told when to come again (429, Retry-After in whole seconds)."""
    now = HandTime()
    keys = key_file(tmp_path / "keys.json", now, k={**ONE, "requests_per_second": 2})
    keys.find("k")
    keys.find("k")
    with pytest.raises(RefusedError) as refused:
        keys.find("k")
    assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "1"})
    now.at = 0.5
    assert keys.find("k").id == "k"


def test_a_file_at_fault_says_where(tmp_path: Path) -> None:
    """A file with a scope that is none is refused with the place of the fault."""
    path = tmp_path / "keys.json"
    write_keys(path, {"k": {"tenant": "shop", "scopes": ["write"]}})
    with pytest.raises(DocumentError, match="/keys/0/scopes/0"):
        KeyFile(path)


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        pytest.param(b"Bearer clew_x", "clew_x", id="bearer"),
        pytest.param(b"bearer  clew_x ", "clew_x", id="spelled-otherwise"),
        pytest.param(b"Basic Y2xld194Og==", "clew_x", id="basic"),
        pytest.param(b"Basic !", None, id="basic-that-is-no-base64"),
        pytest.param(b"Basic /w==", None, id="basic-that-is-no-text"),
        pytest.param(b"Digest x", None, id="another-scheme"),
        pytest.param(b"Bearer \xff", None, id="no-text"),
    ],
)
def test_how_a_key_is_brought(header: bytes, secret: str | None) -> None:
    """A key comes as Bearer, or as the user name of Basic (RFC 7617); all else is none."""
    scope = {"headers": [(b"authorization", header)]}
    if secret is None:
        with pytest.raises(RefusedError):
            presented(scope)
    else:
        assert presented(scope) == secret
