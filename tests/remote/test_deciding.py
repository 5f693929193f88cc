"""Decisions over the network: kept for a moment, never late, and never without an answer."""

import threading
from decimal import Decimal

import pytest

from clew.backends.http.transport import Response
from clew.cache import DecisionCache
from clew.clock import to_text
from clew.model.request import DecisionRequest
from client.worlds import bundle, creative, slot
from remote.standin import PATIENCE_SECONDS
from remote.worlds import DOCUMENT, LONG_MS, SOON_MS, eventually

DECIDE = "/clew/v1/decide"


def test_a_fresh_decision_is_not_asked_for_again(remote):
    """Within its time to live a decision is the same one, and the server hears nothing (D4)."""
    remote.allow("u-1")
    client = remote.client()
    first = client.decide("hero", subject="u-1")
    again = client.decide("hero", subject="u-1")
    assert (first.reason, first.cache, again.cache) == ("bandit", "miss", "hit")
    assert (again.id, again.token, again.content) == (first.id, first.token, first.content)
    assert len(remote.server.asked(DECIDE)) == 1


@pytest.mark.parametrize(
    "told",
    [
        lambda client, shown: client.emit("product_viewed", subject="u-1"),
        lambda client, shown: client.consent("u-1", grant=["ads"]),
        lambda client, shown: client.identify("a-1", "u-1"),
        lambda client, shown: client.report(shown, "displayed"),
        lambda client, shown: client.report(shown.token, "interacted"),
    ],
    ids=["emit", "consent", "identify", "report", "report by token"],
)
def test_whatever_is_told_of_a_person_drops_what_is_kept(remote, told):
    """After any word about a subject the next decision is asked for, stale ones too (D4)."""
    remote.allow("u-1")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    told(client, shown)
    assert client.decide("hero", subject="u-1").id != shown.id
    told(client, shown)
    remote.server.stop()
    assert client.decide("hero", subject="u-1").reason == "error"


def test_what_is_kept_of_one_slot_alone_is_shown_with_the_other(remote):
    """A page of which one slot is kept asks for the other, and has the kept decision as a hit."""
    remote.allow("u-1")
    client = remote.client()
    hero = client.decide("hero", subject="u-1")
    made = client.decide_all(["hero", "kept"], subject="u-1")
    assert (made["hero"].id, made["hero"].cache, made["kept"].cache) == (hero.id, "hit", "miss")
    mixed = client.decide_all(["hero", "none", "paged", "kept"], subject="u-1")
    assert list(mixed) == ["hero", "none", "paged", "kept"]  # whatever is kept of them
    again = client.decide_all(["kept", "hero"], subject="u-1")
    assert list(again) == ["kept", "hero"]
    assert [one.cache for one in again.values()] == ["hit", "hit"]
    assert len(remote.server.asked(DECIDE)) == 3


def test_misuse_is_told_though_the_decision_is_kept(remote):
    """Whether something is kept makes no difference to what a program may ask."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("hero", subject="u-1")
    for wrong in ({"default": "none"}, {"context": 5}, {"deadline_ms": "1"}, {"subject": 1}):
        with pytest.raises(TypeError):
            client.decide("hero", **{"subject": "u-1", **wrong})
    for wrong in ({"session_id": ["s-1"]}, {"context": Sick()}):
        assert client.decide("hero", **{"subject": "u-1", **wrong}).reason == "error"
    assert client.decide("hero", subject="u-1", deadline_ms=0).reason == "deadline"


class Sick(dict):
    """A context that is looked up somewhere, where it fails."""

    def get(self, *_):
        raise RuntimeError("the session is gone")

    __iter__ = items = keys = get


def test_ids_that_are_none_push_nobody_out(remote, monkeypatch):
    """What is kept is kept for people, not for whatever a visitor brings as an id."""
    monkeypatch.setattr("clew.cache.PEOPLE_MAX", 3)
    remote.allow("u-1")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    for number in range(5):
        client.decide("hero", subject=f"{number}" * 200)
    assert client.decide("hero", subject="u-1").id == shown.id


def test_what_is_kept_is_not_waited_for(remote):
    """While somebody is at what is kept, a look at it finds nothing: an event loop goes on."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("hero", subject="u-1")
    backend = client._core.backend
    asked = (("hero",), ("u-1", None, None, "human"), {})
    assert backend.recall(*asked)["hero"].cache == "hit"
    with backend._deciding._lock:
        assert backend.recall(*asked) is None


def test_the_first_failure_is_told_and_what_follows_is_not(remote, caplog):
    """The log has the cause of the first decision that falls back, then the end of it."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.stop()
    for _ in range(3):
        assert client.decide("hero", subject="u-1").reason == "error"
    [said] = [record.message for record in caplog.records if "fall back" in record.message]
    assert remote.server.url.partition("@")[2] in said
    remote.server.start()
    eventually(lambda: client.decide("hero", subject="u-1").reason == "bandit")
    eventually(lambda: "answers again" in caplog.text)


def test_other_people_keep_what_they_have(remote):
    """What is told of one person changes nothing for another (D4)."""
    remote.allow("u-1", "u-2")
    client = remote.client()
    shown = client.decide("hero", subject="u-2")
    client.emit("product_viewed", subject="u-1")
    assert client.decide("hero", subject="u-2").id == shown.id


def test_linked_ids_are_one_person(remote):
    """What is told of a person under one id drops what is kept under the other (D4)."""
    remote.allow("u-1", "a-1")
    client = remote.client()
    client.identify("a-1", "u-1")
    for told, asked in [("u-1", "a-1"), ("a-1", "u-1")]:
        shown = client.decide("hero", subject=asked)
        assert client.decide("hero", subject=asked).id == shown.id
        client.emit("product_viewed", subject=told)
        assert client.decide("hero", subject=asked).id != shown.id


def test_what_a_linked_person_says_decides_for_both_ids(remote):
    """At a server, too, the later word counts for both, by a clock that is ahead as well (I3)."""
    client = remote.client()
    reasons = []
    client.consent("a-1", withdraw=["personalise"])
    client.identify("a-1", "u-1")
    for speaker, said in (("u-1", "grant"), ("a-1", "withdraw"), ("a-1", "grant")):
        remote.clock.move(minutes=1)
        client.consent(speaker, **{said: ["personalise"]})
        reasons.append({client.decide("hero", subject=who).reason for who in ("a-1", "u-1")})
    assert reasons == [{"bandit"}, {"consent_denied"}, {"bandit"}]


def test_a_context_that_is_no_json_spoils_no_other_call(remote):
    """It fails its own call alone: nobody waits for a request that was never sent."""
    remote.allow("u-1", "u-2")
    client = remote.client()
    for _ in range(10):
        made = client.decide("hero", subject="u-1", context={"price": Decimal("9.90")})
        assert made.reason == "error"
    for subject in ("u-1", "u-2"):
        assert client.decide("hero", subject=subject).reason == "bandit"
    assert not client._core.backend._deciding.breaker.is_open


def test_a_server_that_takes_facts_again_is_asked_again(remote):
    """After an outage decisions come back with the facts, not when the breaker's pause is over."""
    remote.allow("u-1")
    client = remote.client()
    breaker = client._core.backend._deciding.breaker
    remote.server.stop()
    for _ in range(breaker._failures_max + 8):
        client.emit("product_viewed", subject="u-1")
        assert client.decide("hero", subject="u-1").reason in {"error", "deadline"}
    assert client.flush(0.2)
    for _ in range(6):
        breaker.failed()  # as after a long outage: the pause is at its longest
    remote.server.start()
    assert client.flush(PATIENCE_SECONDS) == 0
    assert client.decide("hero", subject="u-1").reason == "bandit"


def test_what_is_told_while_a_decision_lands_drops_it(remote, monkeypatch):
    """A signal of the moment in which an answer is filed is not passed over for it (F4, D4)."""
    remote.allow("u-1", "a-1")
    remote.client().identify("a-1", "u-1")
    client = remote.client()  # it learns of the link by the first answer
    link, tellers = DecisionCache.link, []

    def interrupted(self, anonymous, subject):
        link(self, anonymous, subject)
        if not tellers:  # here nothing is kept for anybody, and the answer not yet
            words = {"subject": "a-1", "type": "product_viewed"}
            tellers.append(threading.Thread(target=client.emit, kwargs=words))
            tellers[0].start()
            tellers[0].join(0.2)

    monkeypatch.setattr(DecisionCache, "link", interrupted)
    first = client.decide("hero", subject="a-1")
    assert first.reason == "bandit"
    tellers[0].join(PATIENCE_SECONDS)
    assert client.decide("hero", subject="a-1").id != first.id


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ({"context": {"channel": "email"}}, False),
        ({"context": {"channel": "web", "device": "phone"}}, False),
        ({"context": {"channel": "web", "weather": "rain"}}, True),
        ({"session_id": "s-2"}, False),
        ({"traffic": "preview"}, False),
        ({"request_id": "r-1"}, False),
    ],
    ids=["channel", "what a rule reads", "what nothing reads", "session", "traffic", "request"],
)
def test_a_decision_hangs_on_what_it_read(remote, changed, is_same):
    """A kept decision answers where all that its slot reads of the request is the same (D4)."""
    remote.allow("u-1")
    client = remote.client()
    asked = {"subject": "u-1", "context": {"channel": "web"}}
    shown = client.decide("paged", **asked)
    again = client.decide("paged", **{**asked, **changed})
    assert (again.id == shown.id) is is_same


def test_people_without_an_id_share_no_decision(remote):
    """A decision for nobody in particular is nobody else's."""
    client = remote.client()
    assert client.decide("hero", subject=None).id != client.decide("hero", subject=None).id


def test_an_aging_decision_answers_while_it_is_asked_for_anew(remote):
    """After its time to live a decision answers once more; then the new one is there (D4)."""
    remote.allow("u-1")
    client = remote.client()
    first = client.decide("hero", subject="u-1")
    remote.clock.move(6.0)
    aging = client.decide("hero", subject="u-1")
    assert (aging.id, aging.cache, aging.reason) == (first.id, "stale", "bandit")
    eventually(lambda: client.decide("hero", subject="u-1").id != first.id)
    assert len(remote.server.asked(DECIDE)) == 2


def test_an_old_decision_is_asked_for_again(remote):
    """One that aged for as long as it was fresh answers no more, as long as the server does."""
    remote.allow("u-1")
    client = remote.client()
    first = client.decide("hero", subject="u-1")
    remote.clock.move(11.0)
    again = client.decide("hero", subject="u-1")
    assert again.id != first.id
    assert again.cache == "miss"


def test_one_flight_for_each_key(remote):
    """However many ask for the same at once, the server is asked once, and all get it (D4)."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.hang()
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(client.decide("hero", subject="u-1")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert remote.server.reached.wait(PATIENCE_SECONDS)
    backend = client._core.backend
    eventually(
        lambda: (
            [
                sum(flight.waiting.values())
                for flight in backend._deciding._cache.of("u-1").flights.values()
            ]
            == [8]
        )
    )
    remote.server.go_on()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len({decision.id for decision in made}) == 1
    assert len(made) == 8
    assert len(remote.server.asked(DECIDE)) == 1


def test_a_page_is_one_request(remote):
    """All slots of a page that are not kept are asked for together."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("kept", subject="u-1")
    made = client.decide_all(["hero", "kept", "paged"], subject="u-1")
    assert [made[slot].slot for slot in ("hero", "kept", "paged")] == ["hero", "kept", "paged"]
    assert [body["slots"] for body in remote.server.asked(DECIDE)] == [["kept"], ["hero", "paged"]]


def test_a_decision_brings_along_what_the_server_lacks(remote):
    """The next decision knows a signal that is not delivered yet, which then counts once (F4)."""
    remote.allow("u-1")
    remote.server.answer = lambda path: Response(503) if path.endswith("append") else None
    client = remote.client()
    assert client.decide("paged", subject="u-1").creative == "plain"
    client.emit("product_viewed", subject="u-1")
    assert client.decide("paged", subject="u-1").creative == "viewer"
    remote.server.answer = lambda _: None
    assert client.flush(PATIENCE_SECONDS) == 0
    assert remote.server.backend.subject("u-1").traits["views"] == 1
    assert client.losses == {}
    client.decide("hero", subject="u-1")
    assert "signals" not in remote.server.asked(DECIDE)[-1]


@pytest.mark.parametrize(("told", "asked"), [("u-1", "a-1"), ("a-1", "u-1")])
def test_a_decision_brings_along_what_a_linked_id_has_done(remote, told, asked):
    """What was emitted under one id of a person is in the next decision for the other (F4)."""
    remote.allow("u-1", "a-1")
    client = remote.client()
    client.identify("a-1", "u-1")
    remote.server.answer = lambda path: Response(503) if path.endswith("append") else None
    client.emit("product_viewed", subject=told)
    assert client.decide("paged", subject=asked).creative == "viewer"
    client._core.backend._deciding.told(lambda cache: cache.unlink("a-1", "u-1"))
    client.decide("hero", subject=asked)
    assert "signals" not in remote.server.asked(DECIDE)[-1]


def test_a_signal_that_spoils_the_request_is_left_out(remote):
    """What the server refuses a decision for is not brought along again: a batch tells of it."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.answer = lambda path: Response(503) if path.endswith("append") else None
    client.emit("product_viewed", subject="u-1")
    is_first = iter([True])
    remote.server.answer = lambda path: (
        Response(400) if path == DECIDE and next(is_first, False) else None
    )
    for _ in range(2):
        assert client.decide("hero", subject="u-1").reason == "bandit"
    with_signals = ["signals" in body for body in remote.server.asked(DECIDE)]
    assert with_signals == [True, False]


def test_a_signal_that_was_lost_is_not_brought_along(remote):
    """What `losses` has counted never reaches the server by another way."""
    remote.allow("u-1")
    remote.server.answer = lambda path: Response(503) if path.endswith("append") else None
    client = remote.client(durability="none", max_pending_bytes=400)
    for number in range(4):
        client.emit("product_viewed", subject="u-1", id=f"s-{number}")
    assert client.losses["overflow"] > 0
    client.decide("hero", subject="u-1")
    brought = remote.server.asked(DECIDE)[-1]["signals"]
    assert len(brought) + client.losses["overflow"] == 4
    assert brought[-1]["id"] == "s-3"


def test_each_request_asks_for_its_own_slots(remote, monkeypatch):
    """Who finds some slots under way asks for the others, and all are answered in full."""
    remote.allow("u-1")
    client = remote.client()
    pool = client._core.backend._deciding._pool
    submit, queued, made = pool.submit, [], {}
    monkeypatch.setattr(pool, "submit", queued.append)

    def decide(*slots):
        made[slots] = client.decide_all(slots, subject="u-1")

    asking = [("hero",), ("kept", "hero"), ("paged", "kept", "hero")]
    threads = [threading.Thread(target=decide, args=slots) for slots in asking]
    for number, thread in enumerate(threads, 1):
        thread.start()
        eventually(lambda number=number: len(queued) == number)
    # As where all threads of the pool are busy for a moment.
    kept = client._core.backend._deciding._cache.find("u-1")
    eventually(lambda: sum(each.waiting.total() for each in set(kept.flights.values())) == 6)
    for call in queued:
        submit(call)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sorted(each["slots"] for each in remote.server.asked(DECIDE)) == [
        ["hero"],
        ["kept"],
        ["paged"],
    ]
    assert all(tuple(found) == slots for slots, found in made.items())
    assert all(one.token for found in made.values() for one in found.values())
    assert kept.flights == {}


def test_a_signal_handler_emits_in_the_middle_of_a_decision(remote):
    """Whoever holds the lock of what is kept is interrupted, and tells of something himself."""
    remote.allow("u-1")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    deciding = client._core.backend._deciding
    with deciding._lock:  # as this thread has it where the handler comes
        client.emit("product_viewed", subject="u-1")
        client.emit("product_viewed", subject="u-1", data={"sku": "x" * 3_000})
        client.report(shown, "displayed")
        assert client.flush(PATIENCE_SECONDS) == 0
    again = client.decide("hero", subject="u-1")
    assert (again.cache, again.id != shown.id) == ("miss", True)


def test_a_request_that_is_refused_time_and_again_is_told_once(remote, caplog):
    """A fault of the program is in the log, and does not fill it."""
    client = remote.client()
    refused = Response(422, b'{"type": "urn:clew:problem:document", "detail": "no such thing"}')
    remote.server.answer = lambda path: refused if path == DECIDE else None
    for number in range(5):
        assert client.decide("hero", subject=f"u-{number}").reason == "error"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_the_last_known_good_stands_in(remote):
    """Where the server is late or gone, what it decided last is shown, and the reason says so."""
    remote.allow("u-1")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    remote.clock.move(60.0)
    remote.server.hang()
    late = client.decide("hero", subject="u-1", deadline_ms=SOON_MS)
    remote.server.stop()
    gone = client.decide("hero", subject="u-1")
    for stale in (late, gone):
        assert (stale.id, stale.content) == (shown.id, shown.content)
        assert (stale.reason, stale.cache) == ("stale", "stale")


def test_the_last_known_good_is_not_shown_for_ever(remote):
    """After an hour the policy's default stands in."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("hero", subject="u-1")
    remote.server.stop()
    remote.clock.move(3_601.0)
    assert client.decide("hero", subject="u-1").reason == "error"


def test_an_open_circuit_costs_no_network(remote):
    """After failures in a row nothing is sent, until a probe finds the server well again."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("paged", subject="u-1")
    remote.server.answer = lambda path: Response(500) if path == DECIDE else None
    while not client._core.backend._deciding.breaker.is_open:
        client.decide("hero", subject=None)
    asked = len(remote.server.asked(DECIDE))
    assert asked == 1 + 5
    assert client.decide("hero", subject="u-1").reason == "error"
    assert client.losses["decide_failed"] == 6
    assert len(remote.server.asked(DECIDE)) == asked
    remote.server.answer = lambda _: None
    eventually(lambda: client.decide("hero", subject="u-1").reason == "bandit")


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_rest_gets_it(remote, status):
    """One answer with Retry-After opens the circuit for as long as it says."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.answer = lambda path: (
        Response(status, headers={"Retry-After": "10"}) if path == DECIDE else None
    )
    for _ in range(3):
        assert client.decide("hero", subject="u-1").reason == "error"
    assert len(remote.server.asked(DECIDE)) == 1


def test_a_request_at_fault_leaves_the_circuit_closed(remote, caplog):
    """What the server refuses for good is answered with a default and logged, no more."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.answer = lambda path: (
        Response(422, b'{"type": "urn:clew:problem:depth", "detail": "context: too deep"}')
        if path == DECIDE
        else None
    )
    for _ in range(10):
        assert client.decide("hero", subject="u-1").reason == "error"
    eventually(lambda: "422: context: too deep" in caplog.text)
    assert not client._core.backend._deciding.breaker.is_open


def test_an_unknown_slot_is_told(remote, caplog):
    """A slot that the policy does not have is answered as everywhere, with the nearest name."""
    remote.allow("u-1")
    client = remote.client()
    made = client.decide_all(["hero", "hera"], subject="u-1", default={"headline": "Hi"})
    assert made["hera"].reason == "unknown_slot"
    assert made["hera"].get("headline") == "Hi"
    assert made["hero"].reason == "bandit"
    assert client.losses["unknown_slot"] == 1
    assert "did you mean 'hero'?" in caplog.text


def test_a_new_policy_drops_what_the_old_one_decided(remote):
    """An answer under another version of the policy is the end of all that is kept (D4)."""
    remote.allow("u-1", "u-2")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    remote.server.backend.shelf.publish(bundle({**DOCUMENT, "version": "2"}))
    assert client.decide("hero", subject="u-2").policy_version == "2"
    again = client.decide("hero", subject="u-1")
    assert again.id != shown.id
    assert again.policy_version == "2"


def test_nothing_decided_before_a_consent_is_kept_after_it(remote):
    """An answer that was under way while a consent was recorded is not kept (D4)."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.hang()
    got = []
    thread = threading.Thread(target=lambda: got.append(client.decide("hero", subject="u-1")))
    thread.start()
    assert remote.server.reached.wait(PATIENCE_SECONDS)
    backend = client._core.backend
    backend._deciding.told(lambda cache: cache.drop("u-1"))
    remote.server.go_on()
    thread.join(PATIENCE_SECONDS)
    assert client.decide("hero", subject="u-1").id != got[0].id


def test_a_decision_that_waits_in_vain_is_never_sent(remote):
    """A request that everybody left before it could be sent is not sent at all."""
    backend = remote.backend()
    remote.allow("u-1")
    deciding = backend._deciding
    deciding._pool.__init__(1)
    free, begun = threading.Event(), threading.Event()
    deciding._pool.submit(lambda: (begun.set(), free.wait(PATIENCE_SECONDS)))
    assert begun.wait(PATIENCE_SECONDS)
    request = DecisionRequest(slots=("hero",), subject="u-1", deadline_ms=SOON_MS)
    made, _ = backend.decide(request)
    assert made["hero"].reason == "deadline"
    free.set()
    made, _ = backend.decide(DecisionRequest(slots=("kept",), subject="u-1", deadline_ms=LONG_MS))
    assert made["kept"].reason == "bandit"
    assert [body["slots"] for body in remote.server.asked(DECIDE)] == [["kept"]]
    backend.close()


def test_nothing_is_shown_past_its_schedule(remote):
    """A decision ends where a schedule of its slot does, be the server there or not (D4)."""
    ends = remote.clock.now() + 3.0
    campaign = creative("campaign", "hero", ends_at=to_text(ends), priority=5)
    remote.server.backend.shelf.publish(
        bundle(
            {
                **DOCUMENT,
                "version": "2",
                "slots": [slot(strategy="priority")],
                "creatives": [creative("plain"), campaign],
            }
        )
    )
    remote.allow("u-1")
    client = remote.client()
    assert client.decide("hero", subject="u-1").creative == "campaign"
    remote.server.stop()
    remote.clock.move(2.5)
    assert client.decide("hero", subject="u-1").creative == "campaign"
    remote.clock.move(1.0)
    decision = client.decide("hero", subject="u-1")
    assert (decision.creative, decision.reason) == ("plain", "error")
