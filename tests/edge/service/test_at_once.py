"""What can be answered at once is, all else goes the usual way, and both answer alike."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.errors import BackendUnavailableError
from clew_edge.service import native, protocol
from clew_edge.service.asgi import Answer, respond
from clew_edge.service.limits import Limits
from edge.service.asking import Asked, consent, opened, signal
from edge.service.linking import Link, is_left, linked, run

#: A deadline that passes at once, in seconds, but not before what is sent already is read.
SOON = 0.2
#: More than a system keeps of what nobody reads, in bytes.
MUCH = 16 * 1_048_576
#: By body, answers of another size than it has; `some` is less than a connection holds.
SAID = {b"much": bytes(MUCH), b"some": bytes(48_000)}

Sent = tuple[str, bytes]


class Prompt:
    """
    An application that answers `POST /now` at once, and the rest in a task.

    An answer is the body again, behind a word that says which way it was given.
    """

    at_once = frozenset({(b"POST", b"/now")})

    def __init__(self) -> None:
        #: By which ways it was asked.
        self.asked: list[str] = []

    def answer(self, scope: Any, body: bytes) -> Answer | None:
        """Give back a body, unless it asks for a task."""
        self.asked.append("now")
        assert (scope["method"], scope["path"]) == ("POST", "/now")
        assert (scope["raw_path"], scope["query_string"]) == (b"/now", b"")
        assert (b"host", b"x") in scope["headers"]
        if body.startswith(b"task"):
            return None
        return Answer(200, SAID.get(body, b"now " + body), headers={"x-way": "now"})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read a body and give it back a moment later."""
        self.asked.append("task")
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await asyncio.sleep(0)
        await respond(send, Answer(200, b"task " + body, headers={"x-way": "task"}))


def request(body: bytes, target: str = "/now", *more: str, method: str = "POST") -> bytes:
    """A request with a body."""
    length = f"content-length: {len(body)}"
    head = [f"{method} {target} HTTP/1.1", "host: x", length, *more]
    return "\r\n".join([*head, "", ""]).encode() + body


async def answered(link: Link) -> tuple[bytes, bytes]:
    """The head and the body of the next answer."""
    head = await link.until(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await link.reader.readexactly(length)


def exchange(*pieces: bytes, count: int = 1) -> list[bytes]:
    """Send pieces one by one; gives the bodies of so many answers."""
    bodies: list[bytes] = []

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            for piece in pieces:
                await link.send(piece)
                await asyncio.sleep(0.05 if len(pieces) > 1 else 0)
            bodies.extend([(await answered(link))[1] for _ in range(count)])

    run(main)
    return bodies


def test_a_whole_request_is_answered_at_once() -> None:
    """It has a whole answer, with the date of the server, and the connection stays."""

    async def main() -> None:
        async with linked(Prompt()) as (link, server):
            for number in range(3):
                await link.send(request(b"%d" % number))
                head, body = await answered(link)
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert b"\r\ncontent-type: application/json\r\n" in head
                assert b"\r\ncache-control: no-store\r\n" in head
                assert b"\r\nx-way: now\r\n" in head
                assert b"\r\ndate: " in head
                assert b"connection" not in head
                assert body == b"now %d" % number
            assert server.server_state.total_requests == 3

    run(main)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([request(b"task")], id="it-would-have-to-wait"),
        pytest.param([request(b"a", "/later")], id="another-path"),
        pytest.param([request(b"a", "/now?b=c")], id="a-query"),
        pytest.param([request(b"a", method="PUT")], id="another-method"),
        pytest.param([request(b"a").replace(b"1.1", b"1.0")], id="http-1.0"),
        pytest.param(
            [request(b"", "/now", "connection: upgrade", "upgrade: h2c")], id="an-upgrade"
        ),
        pytest.param([request(b"ab")[:-1], b"b"], id="two-pieces"),
        pytest.param([request(b"ab")[:-2], b"ab"], id="the-body-later"),
    ],
)
def test_what_is_not_answered_at_once(pieces: list[bytes]) -> None:
    """All but whole requests of the named ones go the usual way, with all of their bodies."""
    [said] = exchange(*pieces)
    assert said == b"task " + b"".join(pieces).partition(b"\r\n\r\n")[2]


def test_a_server_that_writes_down_who_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is an access log, every request is in it."""
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.access")

    async def main() -> None:
        async with linked(Prompt(), access_log=True) as (link, _):
            await link.send(request(b"a"))
            assert (await answered(link))[1] == b"task a"

    run(main)
    assert '"POST /now HTTP/1.1" 200' in caplog.text


def test_a_server_that_has_enough() -> None:
    """A bound on the number of connections holds for every request."""

    async def main() -> None:
        async with linked(Prompt(), limit_concurrency=1) as (link, _):
            await link.send(request(b"a"))
            assert b" 503 " in await link.until(b"\r\n")

    run(main)


def test_a_client_that_waits_to_be_told_to_send() -> None:
    """The body is asked for before it is sent, where the client wants that (RFC 9110, 10.1.1)."""

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            asked = request(b"a", "/now", "expect: 100-continue")
            await link.send(asked[:-1])
            assert await link.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await link.send(asked[-1:])
            assert (await answered(link))[1] == b"task a"

    run(main)


def test_one_of_many_that_come_together() -> None:
    """Of requests that come together the first alone is answered at once: others wait, too."""
    assert exchange(request(b"a") * 3, count=3) == [b"now a", b"task a", b"task a"]


def test_nothing_overtakes() -> None:
    """Behind a request that is still being answered none is answered at once."""
    sent = request(b"a", "/later") + request(b"b")
    assert exchange(sent, count=2) == [b"task a", b"task b"]


@settings(max_examples=30, deadline=None)
@given(
    asked=st.lists(
        st.tuples(
            st.sampled_from(["/now", "/later"]), st.sampled_from([b"", b"a", b"task", b"bc"])
        ),
        min_size=1,
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
def test_answers_come_in_order(asked: list[Sent], cuts: list[int]) -> None:
    """However requests are cut and joined, each has its own answer, in the order of asking."""
    sent = b"".join(request(body + b"%d" % n, path) for n, (path, body) in enumerate(asked))
    places = sorted({min(cut, len(sent)) for cut in cuts})
    pieces = [
        sent[start:end] for start, end in zip([0, *places], [*places, len(sent)], strict=True)
    ]
    bodies: list[bytes] = []

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            for piece in pieces:
                await link.send(piece)
                await asyncio.sleep(0)
            bodies.extend([(await answered(link))[1] for _ in asked])

    run(main)
    assert [one.partition(b" ")[2] for one in bodies] == [
        body + b"%d" % n for n, (_, body) in enumerate(asked)
    ]


def test_the_client_ends_the_connection() -> None:
    """An answer to the last request says that it was, and the connection ends behind it."""

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            await link.send(request(b"a", "/now", "connection: close"))
            head, body = await answered(link)
            assert b"\r\nconnection: close\r\n" in head
            assert body == b"now a"
            assert await link.rest() == b""

    run(main)


def test_a_client_that_sends_no_more() -> None:
    """One that ends its side behind its request has its answer, and then the end."""

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            link.writer.write(request(b"a"))
            link.writer.write_eof()
            assert (await link.rest()).endswith(b"\r\n\r\nnow a")

    run(main)


def test_what_is_no_http_is_not_passed_on() -> None:
    """A body that breaks off in nonsense is refused, and the application does not hear of it."""
    head = b"POST /now HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    app = Prompt()

    async def main() -> None:
        async with linked(app) as (link, _):
            await link.send(head + b"1\r\na\r\nno size\r\n")
            assert b" 400 " in await link.rest()

    run(main)
    assert app.asked == []


@pytest.mark.parametrize(
    ("name", "sent", "answers"),
    [
        pytest.param("BODY_SECONDS", request(b"ab")[:-1], 0, id="a-body"),
        pytest.param("HEAD_SECONDS", request(b"ab") + b"P", 1, id="a-second-head"),
        pytest.param("HEAD_SECONDS", request(b"ab")[:9], 0, id="a-head"),
    ],
)
def test_what_never_comes(
    monkeypatch: pytest.MonkeyPatch, name: str, sent: bytes, answers: int
) -> None:
    """A connection is given up when the rest of a request is late, whichever way it would go."""
    monkeypatch.setattr(protocol, name, SOON)

    async def main() -> None:
        async with linked(Prompt()) as (link, _):
            await link.send(sent)
            assert (await link.rest()).count(b" 200 ") == answers

    run(main)


def test_an_idle_connection_ends() -> None:
    """Behind an answer the server's deadline for idle connections holds."""

    async def main() -> None:
        async with linked(Prompt(), timeout_keep_alive=1) as (link, _):
            await link.send(request(b"a"))
            assert (await link.rest()).endswith(b"now a")

    run(main)


def test_an_idle_connection_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other deadline ends it: the next request may come late."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", SOON)

    async def main() -> None:
        async with linked(Prompt(), timeout_keep_alive=60) as (link, _):
            for _ in range(2):
                await link.send(request(b"a"))
                assert (await answered(link))[1] == b"now a"
                await asyncio.sleep(2 * SOON)

    run(main)


def test_the_last_answer_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is to end, and whose client does not read, has a deadline for that."""
    monkeypatch.setattr(protocol, "WRITE_SECONDS", SOON)

    async def main() -> None:
        async with linked(Prompt()) as (link, server):
            await link.send(request(b"a"))
            await answered(link)
            link.writer.transport.pause_reading()
            [connection] = server.server_state.connections
            while not connection.transport.get_write_buffer_size():
                await link.send(request(b"some"))
                await asyncio.sleep(0.001)
            await link.send(request(b"a", "/now", "connection: close"))
            assert await is_left(server)

    run(main)


@pytest.mark.parametrize("more", [(), ("connection: close",)], ids=["kept", "closed"])
def test_answers_that_are_not_taken(monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    """A client that asks and does not read is left; what it asks meanwhile waits in a task."""
    monkeypatch.setattr(protocol, "WRITE_SECONDS", SOON)
    app = Prompt()

    async def main() -> None:
        async with linked(app) as (link, server):
            await link.send(request(b"much", "/now", *more))
            await link.until(b"\r\n\r\n")
            link.writer.transport.pause_reading()
            await link.send(request(b"much"))
            assert await is_left(server)

    run(main)
    assert app.asked.count("now") == 1


# The service, by both ways.


@pytest.fixture
def here(tmp_path: Path) -> Any:
    """A service that is open."""
    with opened(tmp_path, limits=Limits(body_bytes=2_000)) as asked:
        asked.append(consent())
        yield asked


def now(here: Asked, body: bytes, *, key: str | None = "clew_shop", **headers: str) -> Any:
    """Ask for an answer at once."""
    named = {**({} if key is None else {"authorization": f"Bearer {key}"}), **headers}
    scope = {
        "method": "POST",
        "path": "/clew/v1/decide",
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), text.encode()) for name, text in named.items()
        ],
    }
    return here.service.answer(scope, body)


HERO = orjson.dumps({"slots": ["hero"], "subject": "ada"})


def test_a_decision_is_the_same_document(here: Asked) -> None:
    """A decision that is made at once has all that another has, and is recorded as that is."""
    answer = now(here, HERO)
    [made] = orjson.loads(answer.body)["decisions"]
    assert (answer.status, answer.media_type) == (200, b"application/json")
    assert made.keys() == here.decide().keys()
    here.tenant.client.flush(9.0)
    assert made["id"] in {one["id"] for one in here.stored("decision")}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param(HERO, None, id="no-key"),
        pytest.param(HERO, "clew_nobody", id="unknown-key"),
        pytest.param(HERO, "clew_append", id="scope"),
        pytest.param(b"{", "clew_shop", id="no-json"),
        pytest.param(b"[" * 99 + b"]" * 99, "clew_shop", id="deep"),
        pytest.param(b"[]", "clew_shop", id="no-object"),
        pytest.param(b'{"slots": "hero"}', "clew_shop", id="no-list"),
        pytest.param(orjson.dumps({"slots": ["a"] * 101}), "clew_shop", id="many-slots"),
    ],
)
def test_refusals_are_the_same(here: Asked, body: bytes, key: str | None) -> None:
    """What is refused is refused in the same words both ways, and counted."""
    usual = here.ask("POST", "/clew/v1/decide", body, key=key)
    prompt = now(here, body, key=key)
    assert prompt.status == usual.status >= 400
    assert prompt.body == usual.body
    assert {name.decode(): text.decode() for name, text in prompt.head()} == usual.headers
    assert here.service.answered["/clew/v1/decide", usual.status] == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(BackendUnavailableError("away"), 503, id="unavailable"),
        pytest.param(RuntimeError("a bug"), 500, id="a-fault"),
    ],
)
def test_trouble_is_told_as_ever(here: Asked, error: Exception, status: int) -> None:
    """A store that is away, or a fault of ours, ends one request and not the server."""

    def failing(_: Any) -> Any:
        raise error

    here.tenant.decide = failing  # type: ignore[method-assign]
    assert now(here, HERO).status == status
    assert here.ask("POST", "/clew/v1/decide", HERO).status == status


def test_what_cannot_be_written_is_a_fault(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that no JSON holds is told as a fault, and the connection goes on."""
    monkeypatch.setattr(native, "shown", lambda *_: {"count": 2**70})
    assert now(here, HERO).status == here.ask("POST", "/clew/v1/decide", HERO).status == 500


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(HERO, {"content_encoding": "gzip"}, id="encoded"),
        pytest.param(HERO + b" " * 2_000, {}, id="too-long"),
        pytest.param(HERO[:-1] + b',"signals":[]}', {}, id="signals"),
        pytest.param(
            HERO[:-1] + b',"\\u0073ignals":[' + orjson.dumps(signal("s-1")["signal"]) + b"]}",
            {},
            id="signals-in-disguise",
        ),
    ],
)
def test_what_must_be_waited_for(here: Asked, body: bytes, headers: dict[str, str]) -> None:
    """A request that brings signals, or a body to be unpacked or refused unread, is not for now."""
    assert now(here, body, **headers) is None
    assert here.stored("decision") == []
