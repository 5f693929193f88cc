"""The backend at a server: what it sends, what it makes of answers, and what it keeps."""

import os

import orjson
import pytest

from clew.backends import open_backend
from clew.backends.http.live import POLICY_SECONDS
from clew.backends.http.transport import Response
from clew.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    TokenError,
)
from clew.model.request import DecisionRequest
from client.worlds import bundle
from remote.standin import KEY
from remote.worlds import DOCUMENT, eventually

APPEND = "/clew/v1/append"
POLICY = "/clew/v1/policy"


def viewed(number: int) -> bytes:
    """A signal of `u-1`, encoded as in the spool."""
    fact = {
        "id": f"s-{number}",
        "type": "product_viewed",
        "subject": "u-1",
        "occurred_at": "2026-01-01T00:00:00Z",
        "data": {},
    }
    return orjson.dumps({"signal": fact})


def test_a_batch_is_as_large_as_the_server_takes(remote):
    """More than 500 facts go in several batches, in order, with one result for each."""
    remote.allow("u-1")
    backend = remote.backend()
    results = backend.append(viewed(number) for number in range(1_100))
    assert [each.id for each in results] == [f"s-{number}" for number in range(1_100)]
    assert [len(body["items"]) for body in remote.server.asked(APPEND)] == [500, 500, 100]
    backend.close()


@pytest.mark.parametrize(
    ("response", "error", "retry_after"),
    [
        (Response(503, headers={"Retry-After": "7"}), BackendUnavailableError, 7.0),
        (Response(429, headers={"Retry-After": "2"}), BackendUnavailableError, 2.0),
        (Response(500), BackendUnavailableError, None),
        (Response(401, b'{"detail": "unknown key"}'), BackendUnavailableError, None),
        (Response(403), BackendUnavailableError, None),
        (Response(404), BackendUnavailableError, None),
        (Response(200, b"<html>a captive portal</html>"), BackendUnavailableError, None),
        (Response(200, b'{"results": []}'), BackendUnavailableError, None),
        (
            Response(200, b'{"results": [{"id": "s-1", "status": "retry"}]}'),
            BackendUnavailableError,
            None,
        ),
        (Response(400, b"<html>a proxy</html>"), BackendUnavailableError, None),
        (Response(413), BackendRejectedError, None),
        (Response(422, b'{"type": "urn:clew:problem:batch"}'), BackendRejectedError, None),
    ],
    ids=[
        *["503", "429", "500", "401", "403", "404", "portal", "short", "retry"],
        *["400 of a proxy", "413", "422"],
    ],
)
def test_facts_are_given_up_only_for_their_own_fault(remote, response, error, retry_after):
    """A batch fails for good only where it is at fault itself; a wrong key can be mended."""
    remote.server.answer = lambda _: response
    backend = remote.backend()
    with pytest.raises(error) as caught:
        backend.append([viewed(1)])
    assert getattr(caught.value, "retry_after", None) == retry_after
    assert caught.value.retryable is (error is BackendUnavailableError)
    backend.close()


def test_a_server_that_is_not_there(remote):
    """Without a server everything that needs its answer says that it is unavailable."""
    backend = remote.backend()
    remote.server.stop()
    for ask in (
        lambda: backend.append([viewed(1)]),
        lambda: backend.subject("u-1"),
        lambda: backend.decision("d-1"),
        lambda: backend.decisions("u-1", within_seconds=60.0),
        lambda: backend.measure("orders"),
        backend.policy,
    ):
        with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1"):
            ask()
    backend.close()


def test_a_wrong_key_is_a_wrong_setting(remote):
    """Reading with a key that the server does not know says which setting to mend."""
    backend = open_backend(remote.server.url.replace("clew_test-key", "clew_other-key"))
    with pytest.raises(ConfigurationError, match="CLEW_KEY") as caught:
        backend.subject("u-1")
    assert "other-key" not in str(caught.value)
    backend.close()


def test_names_are_quoted(remote):
    """A subject's name may have any characters."""
    backend = remote.backend()
    name = "a/b?c#d%2F é"
    assert backend.subject(name).subject == name
    assert backend.decisions(name, within_seconds=1.5) == []
    backend.close()


def test_the_policy_is_sent_when_it_changes(remote):
    """Asked again, the server says that nothing changed; a new version is taken over."""
    backend = remote.backend()
    answers = []
    remote.server.answer = answers.append
    assert backend.policy().version == "1"
    etag = backend._copy._etag
    assert backend.policy().version == "1"
    assert backend._copy.headers() == {"If-None-Match": etag}
    remote.server.backend.shelf.publish(bundle({**DOCUMENT, "version": "2"}))
    assert backend.policy().version == "2"
    assert answers == [POLICY] * 3
    remote.server.stop()
    assert backend.policy().version == "2"
    backend.close()


def test_only_the_server_says_that_no_policy_is_live(remote):
    """A proxy that knows of no server takes nothing away of what is known of it."""
    backend = remote.backend()
    assert backend.policy().version == "1"
    remote.server.answer = lambda _: Response(404, b"<html>no such page")
    assert backend.policy().version == "1"
    absent = b'{"type": "urn:clew:problem:absent", "detail": "there is no live policy"}'
    remote.server.answer = lambda _: Response(404, absent)
    assert backend.policy() is None
    backend.close()


def test_a_policy_on_disk_starts_without_the_server(remote):
    """What was live last is known to the next process, whose defaults hold from the start."""
    remote.client().close()
    remote.server.stop()
    client = remote.client()
    decision = client.decide("hero", subject="u-1", default={"headline": "mine"})
    assert (decision.reason, decision.creative) == ("error", "plain")
    assert decision.get("headline") == "plain"


def test_a_policy_in_code_starts_without_the_server(remote):
    """A policy that is given holds until the server's own is known."""
    remote.server.stop()
    client = remote.client(policy={**DOCUMENT, "version": "0"})
    assert client.decide("hero", subject="u-1").creative == "plain"
    remote.server.start()
    client._core.backend.policy()
    assert client._core.backend.last_compiled.policy.version == "1"


@pytest.mark.parametrize(
    ("brought", "told"),
    [
        pytest.param(DOCUMENT, [], id="the same"),
        pytest.param({**DOCUMENT, "version": "2"}, ["shop 1, not by shop 2"], id="another"),
    ],
)
def test_who_brings_a_policy_is_told_that_the_server_has_another(remote, caplog, brought, told):
    """The server's decides; a policy in code stands in until that is known, and says so once."""
    backend = remote.backend(policy=bundle(brought))
    for _ in range(2):
        assert backend.policy().version == "1"
    said = [one.getMessage() for one in caplog.records if "given here" in one.message]
    assert len(said) == len(told)
    assert all(part in line for part, line in zip(told, said, strict=True))
    backend.close()


def test_a_server_without_a_policy_knows_no_slot(remote, caplog):
    """A slot of the policy in code is not called unknown because the server has no policy."""
    remote.server.answer = lambda path: (
        Response(404, b'{"type": "urn:clew:problem:absent"}')
        if path == POLICY
        else Response(200, b'{"decisions": []}')
    )
    client = remote.client(policy=DOCUMENT)
    assert client.decide("hero", subject="u-1").reason == "default"
    assert client.losses == {}
    eventually(lambda: "decides by no policy" in caplog.text)


def test_a_damaged_policy_on_disk_is_passed_over(remote, caplog):
    """A file that is no policy is told of, and the server's is fetched."""
    with remote.client():
        eventually(lambda: list(remote.folder.rglob("policy.json")))
    [file] = remote.folder.rglob("policy.json")
    file.write_bytes(b'{"id": ')
    remote.server.stop()
    client = remote.client()
    decision = client.decide("hero", subject="u-1", default={"headline": "mine"})
    assert decision.get("headline") == "mine"
    assert "is passed over" in caplog.text


def test_a_token_is_read_by_its_form(remote):
    """An expired token is late; what has not the form of one is refused; none is verified (K1)."""
    remote.allow("u-1")
    client = remote.client()
    token = client.decide("hero", subject="u-1").token
    backend = client._core.backend
    name, expiry, signature = token.split(".")
    assert backend.read_token(token) == name
    assert backend.read_token(f"{name}.1.{signature}") is None
    for wrong in ("", "x", f"{name}.{expiry}", f"{token}x" * 5, f"{name}.g.{signature}", "ü.1.x"):
        with pytest.raises(TokenError):
            backend.read_token(wrong)


def test_keys_are_those_that_were_given(remote, monkeypatch):
    """Keys are derived from `keys=` or CLEW_KEYS; the server's own never leave it (K1)."""
    monkeypatch.delenv("CLEW_KEYS", raising=False)
    client = remote.client()
    assert not client.has_keys
    with pytest.raises(ConfigurationError, match="CLEW_KEYS"):
        client.derive_keys("cookie")
    given = remote.client(keys=["k" * 32])
    assert given.has_keys
    assert [len(key) for key in given.derive_keys("cookie")] == [32]


def test_a_child_begins_anew(remote):
    """A forked child has connections of its own, and brings along nothing of its parent's."""
    remote.allow("u-1")
    backend = remote.backend()
    backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    backend.admit(orjson.loads(viewed(1)))
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            made, _ = backend.decide(DecisionRequest(slots=("kept",), subject="u-1"))
            os.write(write, made["kept"].reason.encode())
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 100) == b"bandit"
    os.close(read)
    os.waitpid(child, 0)
    assert [body["slots"] for body in remote.server.asked("/clew/v1/decide")][-1] == ["kept"]
    assert "signals" not in remote.server.asked("/clew/v1/decide")[-1]
    made, _ = backend.decide(DecisionRequest(slots=("kept",), subject="u-1"))
    assert len(remote.server.asked("/clew/v1/decide")[-1]["signals"]) == 1
    backend.close()


def test_a_stale_policy_refuses_nothing(remote):
    """By a policy that the server did not confirm lately no signal is refused: it may take it."""
    client = remote.client(strict=True)
    assert remote.server.asked(POLICY)
    remote.server.stop()
    remote.clock.move(3_600.0)
    backend = client._core.backend
    fact = orjson.loads(viewed(1))
    fact["signal"]["party"] = "zero"
    assert backend.admit(fact).status == "queued"


def test_nobody_keeps_a_connection_that_ended(remote):
    """After the server was started anew the first decision is answered, on a new connection."""
    remote.allow("u-1")
    backend = remote.backend()
    request = DecisionRequest(slots=("hero",))
    for _ in range(3):
        made, _ = backend.decide(request)
        assert made["hero"].reason == "consent_denied"
        remote.server.stop()
        remote.server.start()
    backend.close()
    eventually(lambda: backend._transport._idle == [])


def test_a_server_that_is_away_is_told_once_per_outage(remote, caplog):
    """One warning names the server and what to check; the next comes with the next outage."""

    def warnings() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]

    def ask() -> None:
        remote.clock.move(POLICY_SECONDS + 1.0)
        fetching = backend._policy.refresh()
        if fetching is not None:
            fetching.result()

    remote.server.stop()
    backend = remote.backend()
    for _ in range(3):
        ask()
    [said] = warnings()
    for part in (
        remote.server.url.partition("@")[2],
        "fall back",
        "alone checks facts",
        "clew serve",
    ):
        assert part in said
    assert KEY not in said
    remote.server.start()
    ask()
    remote.server.stop()
    for _ in range(2):
        ask()
    assert len(warnings()) == 2
    backend.close()
