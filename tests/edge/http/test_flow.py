"""What waits for what on a real server: pieces, decisions, background work, and who hangs up."""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import h11
import pytest

from edge.http.site import AFTER, BEFORE, PAGE
from edge.http.wire import Wire, connected

SLOT = b'<clew-slot name="hero">'
LOUD = {"cookie": "who=ada", "x_mood": "loud"}


@pytest.fixture
def control(port: int) -> Iterator[Wire]:
    """Another connection to the site, whose log is empty."""
    with connected(port) as opened:
        opened.get("/log")
        yield opened


@pytest.fixture
def stuck(control: Wire) -> Iterator[Callable[[], object]]:
    """Reads of the store hang from now on; calling it lets them go."""

    def go() -> None:
        control.get("/stuck/off")

    control.get("/stuck/on")
    yield go
    go()


@pytest.fixture
def gate(control: Wire) -> Iterator[str]:
    """A gate of this test alone, which is open after it."""
    name = uuid4().hex
    yield name
    control.get(f"/gate/{name}", method="POST")


def log(wire: Wire) -> list[str]:
    return json.loads(wire.get("/log").body)


def settled(wire: Wire, before: list[str]) -> bool:
    """Whether the tasks of the server come to be what they were, in so many turns of its loop."""
    return any(json.loads(wire.get("/tasks").body) == before for _ in range(2_000))


def tasks(wire: Wire) -> list[str]:
    return json.loads(wire.get("/tasks").body)


def test_the_first_piece_arrives_before_the_second_is_made(wire, control, gate):
    """The application waits for us, and we have all that it said, up to the slot."""
    wire.ask(f"/pieces?gate={gate}&done={gate}-end")
    wire.head()
    assert wire.until(SLOT) == BEFORE + SLOT
    control.get(f"/gate/{gate}", method="POST")
    assert wire.until(AFTER).endswith(b"</clew-slot>" + AFTER)


def test_events_arrive_one_by_one_while_their_stream_is_open(wire, control, gate):
    """An event stream is not held, and a mark in it is only text."""
    wire.ask(f"/events?gate={gate}", accept="text/event-stream")
    assert wire.head().status_code == 200
    assert wire.piece() == b"data: 1\n\n"
    control.get(f"/gate/{gate}", method="POST")
    assert wire.piece() == b'data: <clew-slot name="hero"></clew-slot>\n\n'
    assert wire.piece() == b""


def test_background_work_begins_after_the_answer_and_does_not_delay_it(wire, control, gate):
    """The page is complete while the work still waits for us."""
    got = wire.get(f"/background?gate={gate}&done={gate}-end")
    assert got.body.endswith(b"</script>")
    control.get(f"/gate/{gate}", method="POST")
    assert control.get(f"/gate/{gate}-end").body == b"open"


def test_a_decision_that_hangs_ends_in_the_default(wire, control, stuck):
    """The page is whole, though the store still hangs when it has arrived."""
    got = wire.get("/hasty/page", **LOUD)
    assert got.shown == PAGE
    stuck()
    assert b"<b>LOUD pizza</b>" in wire.get("/page", **LOUD).body
    assert log(control) == []


def test_a_decision_that_hangs_delays_nobody_else(wire, control, stuck):
    """Other pages, and what stands before the slot, are out while one decision is awaited."""
    wire.ask("/page", **LOUD)
    wire.head()
    assert wire.until(SLOT) == BEFORE + SLOT
    assert control.get("/plain").shown == BEFORE + AFTER
    assert control.get("/hasty/page", **LOUD).shown == PAGE
    stuck()
    assert b"<b>LOUD pizza</b>" in wire.until(AFTER)


@pytest.mark.parametrize(
    ("path", "is_open", "hangs", "part"),
    [
        pytest.param("/pieces", False, False, SLOT, id="the-application-pauses"),
        pytest.param("/endless", True, False, AFTER, id="the-page-flows"),
        pytest.param("/endless", True, True, SLOT, id="a-decision-hangs"),
    ],
)
def test_who_hangs_up_in_the_middle_takes_the_page_along(
    port, control, gate, request, path, is_open, hangs, part
):
    """The application is told, no task is left, the log says nothing, and others are served."""
    before = tasks(control)
    if hangs:
        request.getfixturevalue("stuck")
    if is_open:
        control.get(f"/gate/{gate}", method="POST")
    with connected(port) as leaving:
        leaving.ask(f"{path}?gate={gate}&done={gate}-end", **LOUD)
        leaving.head()
        leaving.until(part)
        leaving.hang_up()
    assert control.get(f"/gate/{gate}-end").body == b"open"
    assert settled(control, before)
    assert log(control) == []
    assert control.get("/plain").shown == BEFORE + AFTER


def test_a_page_that_fails_in_the_middle_of_a_slot_is_broken_off_and_says_so_once(
    port, control, gate
):
    """The client sees that the page is not whole; nothing is sent after the failure."""
    before = tasks(control)
    control.get(f"/gate/{gate}", method="POST")
    with connected(port) as broken:
        broken.ask(f"/broken?gate={gate}&done={gate}-end")
        assert broken.head().status_code == 200
        with pytest.raises(h11.RemoteProtocolError, match="without sending complete message"):
            broken.until(b"never sent")
    assert settled(control, before)
    (said,) = log(control)
    assert said.startswith("uvicorn.error: Exception in ASGI application")
