"""What was decided and nobody got is taken back, whether its answer comes late or never (D8)."""

import threading

import pytest

from clew.backends.http.flight import Flight
from clew.backends.http.transport import Response
from remote.standin import PATIENCE_SECONDS
from remote.worlds import SOON_MS, eventually

DECIDE = "/clew/v1/decide"


@pytest.mark.parametrize(
    "end",
    [lambda client: client.emit("product_viewed", subject="u-1"), lambda client: client.close()],
    ids=["something is told of the person", "the client is closed"],
)
def test_what_was_asked_for_anew_in_vain_is_voided(remote, end):
    """A renewed decision that nobody gets before it is dropped counts for nothing (D8)."""
    remote.allow("u-1")
    client = remote.client()
    shown = client.decide("hero", subject="u-1")
    remote.clock.move(6.0)
    client.decide("hero", subject="u-1")
    eventually(lambda: len(remote.recorded()) == 2)
    [unseen] = set(remote.recorded()) - {shown.id}
    eventually(lambda: client._core.backend._deciding._cache._people["u-1"].flights == {})
    end(client)
    assert client.flush() == 0
    assert remote.outcomes() == [(unseen, "voided")]


def test_a_late_answer_is_voided(remote):
    """After the deadline the policy's default stands in, and what is decided is voided (D8)."""
    remote.allow("u-1")
    client = remote.client()
    paged = client.decide("paged", subject="u-1")
    remote.server.hang()
    while not remote.server.reached.is_set():  # else it may never be sent: nobody waits any more
        decision = client.decide("hero", subject="u-1", deadline_ms=SOON_MS)
    assert (decision.reason, decision.creative, decision.token) == ("deadline", "plain", None)
    assert decision.get("headline") == "plain"
    remote.server.go_on()
    assert client.flush(PATIENCE_SECONDS) == 0
    eventually(lambda: len(remote.recorded()) > 1)
    sent = {asked["id"] for asked in remote.server.asked(DECIDE)[1:]}
    assert {(name, "voided") for name in sent} == set(remote.outcomes())
    assert remote.used("u-1") == [paged.id]
    assert client.decide("kept", subject="u-1").reason == "bandit"


def test_a_late_answer_is_voided_though_its_client_has_gone(remote):
    """A process that ends right after it was served the default leaves nothing that teaches."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.hang()
    while not remote.server.reached.is_set():
        client.decide("hero", subject="u-1", deadline_ms=SOON_MS)
    assert client.close(0.0) > 0  # on disk, for the next one
    remote.server.go_on()
    eventually(remote.recorded)
    assert remote.client().flush(PATIENCE_SECONDS) == 0
    eventually(lambda: not remote.used("u-1"))


def test_somebody_else_who_waits_has_the_answer(remote):
    """Who is out of patience takes nothing away from another who asks for the same."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.hang()
    found = []
    patient = threading.Thread(target=lambda: found.append(client.decide("hero", subject="u-1")))
    patient.start()
    assert remote.server.reached.wait(PATIENCE_SECONDS)
    assert client.decide("hero", subject="u-1", deadline_ms=SOON_MS).reason == "deadline"
    remote.server.go_on()
    patient.join(PATIENCE_SECONDS)
    assert client.flush(PATIENCE_SECONDS) == 0
    assert [one.reason for one in found] == ["bandit"]
    assert remote.used("u-1") == [found[0].id]
    assert remote.outcomes() == []


@pytest.mark.parametrize(
    ("fault", "is_voided"),
    [
        pytest.param("cut", True, id="the answer is lost"),
        pytest.param(Response(502), True, id="a proxy's server went away"),
        pytest.param(Response(504), True, id="a proxy has waited in vain"),
        pytest.param(Response(200, b'{"decisions": [{"id"'), True, id="half an answer"),
        pytest.param(Response(503), False, id="the server is busy"),
        pytest.param(Response(500), False, id="the server has failed"),
        pytest.param("gone", False, id="nobody is there"),
    ],
)
def test_what_may_have_been_decided_is_voided(remote, fault, is_voided):
    """Where no answer comes but the request may have arrived, whatever it did is taken back."""
    remote.allow("u-1")
    if fault == "cut":
        remote.server.cutting.add(DECIDE)
    elif fault == "gone":
        remote.server.stop()
    else:
        remote.server.answer = lambda path: fault if path == DECIDE else None
    client = remote.client()
    assert client.decide("hero", subject="u-1").reason == "error"
    asked = [each["id"] for each in remote.server.asked(DECIDE)]
    if fault == "gone":
        remote.server.start()
    client.flush(PATIENCE_SECONDS)
    assert remote.outcomes() == [(name, "voided") for name in asked if is_voided]
    assert remote.used("u-1") == []


class TimeIsUpError(Exception):
    """As of Celery's soft limit, or of Ctrl-C."""


def test_a_decision_that_is_interrupted_is_voided(remote, monkeypatch):
    """Who is called away while they wait gets nothing, and so nobody learns from it (D8)."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("paged", subject="u-2")
    remote.server.hang()

    def interrupted(_flight, _seconds):
        assert remote.server.reached.wait(PATIENCE_SECONDS)
        raise TimeIsUpError

    with monkeypatch.context() as patch:
        patch.setattr(Flight, "wait", interrupted)
        assert client.decide("hero", subject="u-1").reason == "error"
    remote.server.go_on()
    eventually(lambda: len(remote.recorded()) == 2)
    assert client.flush(PATIENCE_SECONDS) == 0
    assert remote.used("u-1") == []


def test_a_request_that_is_tried_again_is_not_voided(remote):
    """Of a request with an id the answer may be lost: the second try gets it (D5)."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.cutting.add(DECIDE)
    assert client.decide("hero", subject="u-1", request_id="r-1").reason == "error"
    remote.server.cutting.clear()
    again = client.decide("hero", subject="u-1", request_id="r-1")
    assert client.flush(PATIENCE_SECONDS) == 0
    assert (again.cache, remote.recorded(), remote.outcomes()) == ("hit", [again.id], [])


def test_what_a_second_try_got_is_not_voided_by_the_first(remote, monkeypatch):
    """The late answer to a request that was tried again is the decision that is shown (D5, D8)."""
    remote.allow("u-1")
    client = remote.client()
    backend = client._core.backend
    request, judge = backend._transport.request, backend._deciding._judge
    late, landed, is_first = threading.Event(), threading.Semaphore(0), iter([True])

    def slow(method, path, **words):
        response = request(method, path, **words)
        if path == DECIDE and next(is_first, False):
            late.wait(PATIENCE_SECONDS)
        return response

    def judged(*flight, **words):
        judge(*flight, **words)
        landed.release()

    monkeypatch.setattr(backend._transport, "request", slow)
    monkeypatch.setattr(backend._deciding, "_judge", judged)
    first = client.decide("hero", subject="u-1", request_id="r-1", deadline_ms=SOON_MS)
    eventually(lambda: remote.server.asked(DECIDE))
    again = client.decide("hero", subject="u-1", request_id="r-1")
    assert (first.reason, again.reason) == ("deadline", "bandit")
    late.set()
    assert all(landed.acquire(timeout=PATIENCE_SECONDS) for _ in range(2))
    client.report(again, "displayed")
    assert client.flush(PATIENCE_SECONDS) == 0
    assert [kind for _, kind in remote.outcomes()] == ["displayed"]
