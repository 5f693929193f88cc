"""A client of a server keeps the promises of a client of a file, and says when it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from clew import Client
from clew.backends.http.transport import Response
from clew.errors import (
    BackendUnavailableError,
    ConsentError,
    DocumentError,
    IdentityError,
)
from remote.standin import PATIENCE_SECONDS
from remote.worlds import eventually

APPEND = "/clew/v1/append"

#: Emits so many signals without flushing, and ends as a program does.
EMITTING = """
import sys
from clew import Client
client = Client(sys.argv[1], spool=sys.argv[2])
for number in range(int(sys.argv[3])):
    client.emit("product_viewed", subject="u-1", id=f"s-{number}")
print("emitted", flush=True)
"""


def stored(remote) -> list[str]:
    """The ids of the signals that the server has."""
    facts = map(orjson.loads, remote.server.backend.store.facts_of("default", "signal"))
    return sorted(fact["id"] for fact in facts)


def test_the_loop_once_round(remote):
    """Consent, signal, decision, outcome, profile and measurement by the same words as anywhere."""
    client = remote.client()
    client.consent("u-1", grant=["personalise"], source="test")
    client.emit("product_viewed", subject="u-1")
    decision = client.decide("paged", subject="u-1")
    assert (decision.creative, decision.reason) == ("viewer", "priority")
    assert client.report(decision, "displayed") == "queued"
    assert client.report(decision.token, "interacted") == "queued"
    assert client.flush() == 0
    assert [kind for _, kind in remote.outcomes()] == ["displayed", "interacted"]
    assert client.profile("u-1").traits["views"] == 1
    assert [each.id for each in client.decisions("u-1")] == [decision.id]
    assert [each.objective for each in client.measure("orders")] in ([], ["orders"])
    assert client.losses == {}


def test_consent_and_identity_are_stored_or_raise(remote):
    """While the server is away neither returns as if it were stored; after it, both are."""
    client = remote.client()
    remote.server.stop()
    with pytest.raises(ConsentError, match="was not stored") as caught:
        client.consent("u-1", grant=["personalise"])
    assert caught.value.retryable
    with pytest.raises(BackendUnavailableError):
        client.identify("a-1", "u-1")
    remote.server.start()
    client.consent("u-1", grant=["personalise"])
    assert client.identify("a-1", "u-1") == "a-1"
    assert client.profile("a-1").subject == "u-1"
    client.unmerge("a-1", "u-1")
    with pytest.raises(IdentityError):
        client.unmerge("a-1", "u-1")
    with pytest.raises(ConsentError, match="no purpose 'fly'") as caught:
        client.consent("u-1", grant=["fly"])
    assert not caught.value.retryable


def test_what_keeps_a_link_waiting_is_said(remote, monkeypatch):
    """A link that must wait for facts says why they do not go: here, the key."""
    monkeypatch.setattr("clew.linking.FLUSH_SECONDS", 0.2)
    remote.allow("u-1")
    client = remote.client()
    refusal = Response(401, b'{"detail": "this key is not known here"}', {})
    remote.server.answer = lambda path: refusal if path.startswith("/clew/v1/append") else None
    client.emit("product_viewed", subject="u-1")
    with pytest.raises(
        BackendUnavailableError, match=r"1 earlier facts .* is not known here"
    ) as caught:
        client.identify("a-1", "u-1")
    assert remote.server.url.partition("@")[2] in str(caught.value)


def test_nothing_stale_is_shown_after_a_withdrawal(remote):
    """A withdrawal drops the last known good, even one that the server could not store (D2)."""
    client = remote.client()
    client.consent("u-1", grant=["personalise"])
    assert client.decide("hero", subject="u-1").reason == "bandit"
    remote.server.stop()
    assert client.decide("hero", subject="u-1").reason == "bandit"
    with pytest.raises(ConsentError):
        client.consent("u-1", withdraw=["personalise"])
    assert client.decide("hero", subject="u-1").reason == "error"


def test_a_withdrawal_that_another_client_tells_is_heard_in_twice_the_time(remote):
    """A kept decision answers for its time, and as long again while it is asked for anew (D4)."""
    client, other = remote.client(), remote.client(spool=remote.folder / "other")
    other.consent("u-1", grant=["personalise"])
    shown = client.decide("hero", subject="u-1")
    other.consent("u-1", withdraw=["personalise"])
    for seconds in (4.9, 5.0):
        remote.clock.move(seconds)
        kept = client.decide("hero", subject="u-1")
        assert (kept.id, kept.reason) == (shown.id, "bandit")
    eventually(lambda: client.decide("hero", subject="u-1").reason == "consent_denied")


def test_a_kept_decision_says_when_the_server_is_missed(remote):
    """Without the server the reason is what it was for twice the time, and then `stale` (D4)."""
    client = remote.client()
    client.consent("u-1", grant=["personalise"])
    shown = client.decide("hero", subject="u-1")
    remote.server.stop()
    for seconds, reason in ((4.9, "bandit"), (5.0, "bandit"), (0.2, "stale"), (3_500.0, "stale")):
        remote.clock.move(seconds)
        kept = client.decide("hero", subject="u-1")
        assert (kept.id, kept.reason) == (shown.id, reason)


def test_what_the_server_refuses_is_counted(remote):
    """A signal without a basis is lost by that cause, and the loss is told."""
    client = remote.client()
    client.emit("product_viewed", subject="stranger")
    assert client.flush() == 0
    assert client.losses == {"no_basis": 1}


def test_a_signal_of_nobody_is_not_sent(remote):
    """What happened to somebody without an id is counted as such here, and the server is spared."""
    client = remote.client()
    assert client.emit("product_viewed", subject=None)
    assert (client.losses, client.pending) == ({"no_subject": 1}, 0)
    assert client.flush() == 0
    assert client.losses == {"no_subject": 1}


def test_what_the_policy_refuses_is_told_where_it_is_emitted(remote):
    """With `strict` a signal that breaks the policy raises at once, as over a file."""
    client = remote.client(strict=True)
    with pytest.raises(DocumentError, match="party"):
        client.emit("product_viewed", subject="u-1", party="nobody")


def test_facts_outlive_a_server_that_is_away(remote):
    """What is emitted while the server is away is delivered once when it is back."""
    remote.allow("u-1")
    client = remote.client()
    remote.server.stop()
    names = sorted(client.emit("product_viewed", subject="u-1") for _ in range(20))
    assert client.flush(0.0) == 20
    remote.server.start()
    assert client.flush(PATIENCE_SECONDS) == 0
    assert stored(remote) == names
    assert client.losses == {}


def test_a_lost_answer_counts_nothing_twice(remote):
    """A batch whose answer got lost is sent again, and each fact is stored once."""
    remote.allow("u-1")
    lost = []

    def store_and_fail(path):
        if path != APPEND or len(lost) == 3:
            return None
        lost.append(path)
        _, _, body = remote.server.requests[-1]
        remote.server.backend.append([orjson.dumps(each) for each in body["items"]])
        return Response(502)

    remote.server.answer = store_and_fail
    client = remote.client()
    names = sorted(client.emit("product_viewed", subject="u-1") for _ in range(20))
    assert client.flush(PATIENCE_SECONDS) == 0
    assert len(lost) == 3
    assert stored(remote) == names
    assert remote.server.backend.subject("u-1").traits["views"] == 20


def test_a_process_ends_while_the_server_hangs(remote):
    """A server that hangs holds up no exit, and what was emitted is the next process's."""
    remote.allow("u-1")
    folder = remote.folder / "spool"
    remote.client(durability="none")
    remote.server.hang()
    url = f"{remote.server.url}?deadline_ms=1000"
    command = [sys.executable, "-c", EMITTING, url, str(folder), "200"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "emitted\n"), ended.stderr
    remote.server.go_on()
    client = remote.client()
    assert client.flush(PATIENCE_SECONDS) == 0
    assert stored(remote) == sorted(f"s-{number}" for number in range(200))


def test_parent_and_child_both_deliver(remote):
    """After a fork both go on, each with what it emitted itself."""
    remote.allow("u-1")
    client = remote.client()
    client.emit("product_viewed", subject="u-1", id="before")
    child = os.fork()
    if not child:
        try:
            client.emit("product_viewed", subject="u-1", id="child")
            os._exit(client.flush(PATIENCE_SECONDS))
        finally:
            os._exit(99)
    client.emit("product_viewed", subject="u-1", id="parent")
    assert client.flush(PATIENCE_SECONDS) == 0
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert stored(remote) == ["before", "child", "parent"]


def test_without_a_folder_facts_lie_beside_nobody_elses(remote, monkeypatch, tmp_path):
    """By default facts on their way wait in a folder of the working directory, one per key."""
    monkeypatch.chdir(tmp_path)
    remote.allow("u-1")
    remote.server.stop()
    with Client(remote.server.url) as client:
        client.emit("product_viewed", subject="u-1", id="waits")
        assert client.close(0.0) == 1
    [folder] = [path for path in tmp_path.iterdir() if path.suffix == ".spool"]
    assert list(Path(folder).rglob("*.seg"))
    assert "test-key" not in folder.name
    remote.server.start()
    with Client(remote.server.url) as client:
        eventually(lambda: client.flush(1.0) == 0)
    assert stored(remote) == ["waits"]
