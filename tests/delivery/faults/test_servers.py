"""
Whatever befalls the server, every emit that returned is delivered once, by its id.

The windows of a fault are a second here; those of the full length are marked slow.
"""

import threading

import pytest

from delivery.faults.conftest import GUARD
from delivery.faults.programs import emit_all

COUNT = 2_000


def during(*stages):
    """The stages a server goes through, with a name."""
    first = stages[0]
    length = f"{first['seconds']}s" if "seconds" in first else f"{first['requests']}x"
    marks = [pytest.mark.slow] if first.get("seconds", 0) > 1 else []
    return pytest.param(stages, id=f"{first['status']}-{length}", marks=marks)


@pytest.mark.parametrize(
    "stages",
    [
        during({"status": 500, "seconds": 1}),
        during({"status": 500, "seconds": 3}),
        during({"status": 503, "seconds": 1}),
        during({"status": 503, "seconds": 3}),
        during({"status": 404, "requests": 2}),
        during({"status": 401, "requests": 2}),
        during({"status": 429, "retry_after": 1, "requests": 1}),
        during({"status": "lost", "requests": 3}),
        pytest.param([{"status": "hang", "requests": 1}], id="hang-1x", marks=pytest.mark.slow),
    ],
)
def test_a_server_in_trouble_gets_everything(world, emitted, stages):
    """After any trouble all facts are there, nothing is lost, and none was given up."""
    with world.served(*stages), world.client() as client:
        emit_all(client, "a", COUNT)
        assert client.flush(GUARD) == 0
        assert client.losses == {}
    assert set(world.taken()) == emitted(a=COUNT)


@pytest.mark.parametrize("seconds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_a_server_that_is_away_gets_everything(world, emitted, seconds):
    """Facts emitted while connections are refused are delivered when the server is there."""
    with world.client() as client:
        emit_all(client, "a", COUNT)
        assert client.flush(seconds) == COUNT
        with world.served():
            assert client.flush(GUARD) == 0
    assert world.taken() == dict.fromkeys(emitted(a=COUNT), 1)


def test_a_lost_answer_repeats_a_batch_and_no_more(world):
    """What is on the wire twice is the batch whose answer was lost."""
    with world.served({"status": "lost", "requests": 3}), world.client() as client:
        emit_all(client, "a", COUNT)
        assert client.flush(GUARD) == 0
    repeated = [count for count in world.taken().values() if count > 1]
    assert 1 <= len(repeated) <= 3 * 500


def test_a_server_that_asks_for_peace_is_left_alone(world):
    """After 429 with Retry-After nothing is sent before the time is over, whoever emits."""
    with world.served({"status": 429, "retry_after": 1, "requests": 1}), world.client() as client:
        emit_all(client, "a", 100)
        for n in range(20):
            client.flush(0.01)
            emit_all(client, f"more{n}", 10)
        assert client.flush(GUARD) == 0
    (limited, status), (again, _), *_ = world.answers()
    assert status == "429"
    assert again - limited >= 1.0


def test_one_request_at_a_time_probes_a_server_in_trouble(world):
    """However many threads emit, a server that fails sees one attempt after the other."""
    with world.served({"status": 503, "seconds": 1}), world.client() as client:
        threads = [threading.Thread(target=emit_all, args=(client, f"t{n}", 500)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(GUARD) == 0
    # Full jitter from 0.1 s on doubles its ceiling: about five attempts in a second, seldom ten.
    assert len([at for at, status in world.answers() if status == "503"]) <= 30


def test_what_is_at_fault_is_set_aside(world):
    """A batch that is refused for good goes to the dead letters, and what follows gets through."""
    with world.served({"status": 400, "requests": 1}), world.client() as client:
        client.emit("page_viewed", subject="u-1", id="bad")
        assert client.flush(GUARD) == 0
        client.emit("page_viewed", subject="u-1", id="good")
        assert client.flush(GUARD) == 0
        assert client.losses == {"dead_letter": 1}
    assert world.taken() == {"good": 1}
    [letters] = world.spool.rglob("dead-letters.ndjson")
    assert '"id":"bad"' in letters.read_text()
