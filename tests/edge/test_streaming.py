"""Nothing waits but for an unfinished tag, or for the slot it stands in."""

import asyncio
import json
import threading

from starlette.concurrency import run_in_threadpool

from clew.backends.memory import MemoryStore
from clew_edge import ClewMiddleware
from edge.asgi import answering, ask, eventually, html, page
from edge.worlds import allow, shop_client, voided


class Line:
    """A server whose messages a test takes one by one."""

    def __init__(self):
        self.messages = asyncio.Queue()

    async def send(self, message):
        self.messages.put_nowait(message)

    async def receive(self):
        await asyncio.Event().wait()

    async def next(self):
        return await asyncio.wait_for(self.messages.get(), 30)

    def request(self, app, path="/"):
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "root_path": "",
            "headers": [(b"accept", b"text/html")],
            "query_string": b"",
            "extensions": {},
        }
        return asyncio.create_task(app(scope, self.receive, self.send))


class Stuck(MemoryStore):
    """A store whose reads wait until they are let go."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()

    def changes(self):
        self.entered.set()
        self.go.wait(30)
        return super().changes()


def test_the_start_and_the_first_piece_are_out_before_the_second_comes_in():
    """No message is withheld: the browser begins while the application still works."""

    async def scenario():
        go, line = asyncio.Event(), Line()

        async def app(scope, receive, send):
            await send(html())
            await go.wait()
            first, second = page(b"<p>a</p>", b"<p>z</p>")
            await send(first)
            go.clear()
            await go.wait()
            await send(second)

        with shop_client() as client:
            task = line.request(ClewMiddleware(app, client=client))
            assert (await line.next())["type"] == "http.response.start"
            go.set()
            assert (await line.next())["body"] == b"<p>a</p>"
            go.set()
            assert (await line.next())["body"] == b"<p>z</p>"
            await task

    asyncio.run(scenario())


def test_what_stands_before_a_slot_is_out_while_its_decision_is_awaited():
    """Only the slot waits, and no longer than its deadline; then it shows its default."""
    store = Stuck()

    async def scenario():
        line = Line()

        async def app(scope, receive, send):
            await send(html())
            for message in page(b'<p>a</p><clew-slot name="hero">default</clew-slot><p>z</p>'):
                await send(message)

        with shop_client(store=store) as client:
            subject = allow(client, "ada")
            wrapped = ClewMiddleware(
                app, client=client, deadline_ms=100, subject=lambda request: subject
            )
            store.go.clear()
            task = line.request(wrapped)
            await line.next()
            assert (await line.next())["body"] == b'<p>a</p><clew-slot name="hero">'
            rest = await line.next()
            assert rest["body"].startswith(b"default</clew-slot><p>z</p>")
            store.go.set()
            await task
            client.flush()

    asyncio.run(scenario())


def test_a_slot_whose_end_does_not_come_is_let_go_with_its_default():
    """A body that pauses inside of a slot does not hold back what it has."""

    async def scenario():
        go, line = asyncio.Event(), Line()

        async def app(scope, receive, send):
            await send(html())
            first, second = page(b'<clew-slot name="hero">begun', b" and ended</clew-slot>")
            await send(first)
            await go.wait()
            await send(second)

        with shop_client() as client:
            task = line.request(ClewMiddleware(app, client=client, deadline_ms=20))
            await line.next()
            out = b""
            while b"begun" not in out:
                out += (await line.next())["body"]
            go.set()
            await task
            while not line.messages.empty():
                out += line.messages.get_nowait()["body"]
        assert out == b'<clew-slot name="hero">begun and ended</clew-slot>'

    asyncio.run(scenario())


def test_a_decision_that_is_late_delays_no_other_request():
    """While one request waits for a store that hangs, pages without slots go by."""
    store = Stuck()

    async def scenario():
        slow, quick = Line(), Line()

        async def app(scope, receive, send):
            await send(html())
            body = b'<clew-slot name="hero">d</clew-slot>' if scope["path"] == "/" else b"quick"
            for message in page(body):
                await send(message)

        with shop_client(store=store) as client:
            wrapped = ClewMiddleware(app, client=client, deadline_ms=30_000)
            store.go.clear()
            waiting = slow.request(wrapped)
            await slow.next()
            await quick.request(wrapped, "/quick")
            await quick.next()
            assert (await quick.next())["body"] == b"quick"
            assert not waiting.done()
            store.go.set()
            await waiting

    asyncio.run(scenario())


def test_a_decision_begins_with_the_request_not_with_its_slot():
    """A route that declares its slots has them decided while the application renders."""

    async def scenario():
        line, decided = Line(), asyncio.Event()

        async def app(scope, receive, send):
            await eventually(lambda: "hero" in scope["clew"].visitor.decided)
            decided.set()
            await send(html())
            for message in page(b'<clew-slot name="hero">d</clew-slot>'):
                await send(message)

        with shop_client() as client:
            await line.request(ClewMiddleware(app, client=client, routes={"/": ["hero"]}))
        assert decided.is_set()

    asyncio.run(scenario())


def test_what_was_decided_and_not_shown_is_voided():
    """A declared slot that the page does not have teaches nothing."""

    async def scenario():
        line = Line()

        async def app(scope, receive, send):
            await eventually(lambda: "hero" in scope["clew"].visitor.decided)
            await send(html())
            for message in page(b"no slot here"):
                await send(message)

        with shop_client() as client:
            subject = allow(client, "ada")
            wrapped = ClewMiddleware(
                app,
                client=client,
                routes={"/": ["hero"]},
                subject=lambda request: subject,
                deadline_ms=30_000,
            )
            await line.request(wrapped)
            await eventually(lambda: voided(client))
            assert client.decisions(subject) == []

    asyncio.run(scenario())


def test_an_application_that_fails_or_is_cancelled_leaves_no_decision_open():
    """A client that goes away takes its decision along."""

    async def scenario():
        line = Line()

        async def app(scope, receive, send):
            await asyncio.Event().wait()

        with shop_client() as client:
            subject = allow(client, "ada")
            wrapped = ClewMiddleware(
                app,
                client=client,
                routes={"/": ["hero"]},
                subject=lambda request: subject,
                deadline_ms=30_000,
            )
            task = line.request(wrapped)
            await eventually(lambda: client.decisions(subject))
            task.cancel()
            await asyncio.wait((task,))
            await eventually(lambda: voided(client))
            assert client.decisions(subject) == []

    asyncio.run(scenario())


def test_nothing_is_sent_after_the_application_has_ended():
    """An application that fails inside of a slot takes its held bytes along."""

    async def scenario():
        line = Line()

        async def app(scope, receive, send):
            await send(html())
            await send(page(b'<clew-slot name="hero">begun', b"")[0])
            raise ZeroDivisionError

        with shop_client() as client:
            task = line.request(ClewMiddleware(app, client=client, deadline_ms=1))
            await asyncio.wait([task])
            assert isinstance(task.exception(), ZeroDivisionError)
            before = line.messages.qsize()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
            assert line.messages.qsize() == before

    asyncio.run(scenario())


def test_a_request_cancelled_while_it_ends_leaves_no_decision_open():
    """What was decided ahead and not shown is voided, wherever the request was cut off."""
    store = Stuck()

    async def scenario():
        line = Line()

        async def app(scope, receive, send):
            await eventually(store.entered.is_set)
            await send(html())
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
            await send(page(b"no slot here")[0])

        with shop_client(store=store) as client:
            subject = allow(client, "ada")
            wrapped = ClewMiddleware(
                app,
                client=client,
                routes={"/": ["hero"]},
                subject=lambda request: subject,
                deadline_ms=30_000,
            )
            store.go.clear()
            store.entered.clear()
            task = line.request(wrapped)
            await asyncio.wait((task,))
            assert task.cancelled()
            store.go.set()
            await eventually(lambda: voided(client))
            assert client.decisions(subject) == []

    asyncio.run(scenario())


def test_reports_that_wait_for_a_store_take_no_thread_of_the_application():
    """While a store hangs, beacons queue among themselves, and views in threads go on."""
    store = Stuck()

    async def scenario():
        with shop_client(store=store) as client:
            made = client.decide("hero", subject=allow(client, "ada"))
            report = {"view": "v", "outcomes": [{"token": made.token, "type": "displayed"}]}
            store.go.clear()
            wrapped = ClewMiddleware(answering(), client=client)
            posting = [
                asyncio.create_task(
                    ask(
                        wrapped,
                        "/_clew/outcomes",
                        method="POST",
                        headers=[("content-type", "application/json")],
                        body=json.dumps(report).encode(),
                    )
                )
                for _ in range(50)
            ]
            await asyncio.sleep(0)
            assert await asyncio.wait_for(run_in_threadpool(lambda: "went on"), 30) == "went on"
            assert not any(each.done() for each in posting)
            store.go.set()
            assert {answer.status for answer in await asyncio.gather(*posting)} == {200}

    asyncio.run(scenario())
