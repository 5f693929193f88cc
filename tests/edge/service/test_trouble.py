"""Trouble that many requests meet is told of when it begins, once a minute, and when it is over."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clew import BackendUnavailableError
from clew_edge.service import trouble
from clew_edge.service.app import Service
from clew_edge.service.tenants import Tenant
from clew_edge.service.trouble import (
    CALM_SECONDS,
    KINDS_MAX,
    TELL_SECONDS,
    Faults,
    Outages,
    Repeats,
)
from client.worlds import bundle, policy
from edge.service.asking import Asked, Hand, key_file, running, signal

FULL = BackendUnavailableError("shop.db: database or disk is full")


@pytest.fixture
def clock() -> Hand:
    """What the service takes for the time."""
    return Hand()


@pytest.fixture
def outages(clock: Hand) -> Outages:
    """Outages by that clock."""
    return Outages(clock)


def test_an_outage_is_told_once_when_it_begins(
    outages: Outages, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names who could not do what and why, without a traceback."""
    for _ in range(100):
        outages.met("shop", "/append", FULL)
    [record] = caplog.records
    assert record.exc_info is None
    assert record.getMessage() == (
        "/append of tenant shop: the store is not available: shop.db: database or disk is full"
    )


def test_an_outage_that_goes_on_is_told_once_a_minute(
    outages: Outages, clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """Each line counts the requests since the last one, and says what is wrong now."""
    for _ in range(int(2 * TELL_SECONDS) + 1):
        outages.met("shop", "/append", FULL)
        clock.now += 1.0
    outages.met("shop", "/append", BackendUnavailableError("locked"))
    said = caplog.messages[1:]
    assert len(said) == 2
    assert all("still not available, and 60 more requests" in line for line in said)


def test_an_outage_that_is_over_is_told(
    outages: Outages, clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says how long it was and how many met it; then there is nothing to tell."""
    for _ in range(3):
        outages.met("shop", "/append", FULL)
        clock.now += 10.0
    for _ in range(3):
        outages.answered("shop", "/append")
    (said,) = caplog.messages[1:]
    assert said.startswith("/append of tenant shop: the store answers again; within 20 s")
    assert said.endswith("it did not answer 3 requests")
    outages.met("shop", "/append", FULL)
    assert "is not available" in caplog.messages[-1]


def test_a_store_that_fails_now_and_then_is_in_one_outage(
    outages: Outages, clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers in between do not end it, or each failure would be told as a new one."""
    for _ in range(50):
        outages.met("shop", "/append", FULL)
        outages.answered("shop", "/append")
        clock.now += CALM_SECONDS / 5
        outages.answered("shop", "/append")
    assert len(caplog.records) == 1


def test_what_is_answered_elsewhere_ends_no_outage(
    outages: Outages, clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is still read, and another tenant's data may lie elsewhere."""
    outages.met("shop", "/append", FULL)
    clock.now += CALM_SECONDS
    outages.answered("shop", "/decide")
    outages.answered("other", "/append")
    assert len(caplog.records) == 1


def raised(kind: type[Exception], text: str = "x") -> Exception:
    """An exception that was raised here."""
    with pytest.raises(kind) as caught:
        raise kind(text)
    return caught.value


def test_a_fault_is_told_in_full_once(clock: Hand, caplog: pytest.LogCaptureFixture) -> None:
    """One traceback for each kind and place, whatever the exception says; then a line a minute."""
    faults = Faults("a request failed", clock)
    for each in range(61):
        faults.met(raised(ValueError, f"number {each}"))
        faults.met(raised(KeyError))
        clock.now += 1.0
    assert [record.exc_info is not None for record in caplog.records] == [True, True, False, False]
    assert caplog.messages[0] == "a request failed: number 0"
    assert "a request failed: 60 more times; last by ValueError at " in caplog.messages[2]
    assert f"{Path(__file__).name}:" in caplog.messages[2]
    assert caplog.messages[2].endswith(": number 60")


def test_one_kind_of_fault_is_told_for_each_place(
    clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """The same kind elsewhere is another fault; one that was never raised has no place."""
    faults = Faults("a request failed", clock)
    for _ in range(2):
        faults.met(raised(ValueError))
        faults.met(ValueError("nowhere"))
    assert len(caplog.records) == 2


def test_the_kinds_of_faults_have_an_end(clock: Hand, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond so many, all others are one kind, lest what is remembered grow for ever."""
    faults = Faults("a request failed", clock)
    for each in range(2 * KINDS_MAX):
        faults.met(raised(type(f"Error{each}", (Exception,), {})))
    assert len(caplog.records) == KINDS_MAX + 1


def test_mistakes_of_a_kind_are_told_once_a_minute(
    clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """The first is told at once, the others are counted, and each kind by itself."""
    repeats = Repeats(clock)
    for each in range(61):
        repeats.met("a message was not taken", f"number {each}")
        repeats.met("a connection was ended", "no HTTP")
        clock.now += 1.0
    assert caplog.messages == [
        "a message was not taken: number 0",
        "a connection was ended: no HTTP",
        "a message was not taken: 60 more times; last: number 60",
        "a connection was ended: 60 more times; last: no HTTP",
    ]


# In the service


@pytest.fixture
def asked(tmp_path: Path, clock: Hand) -> Any:
    """A service by that clock."""
    tenant = partial(Tenant, f"sqlite:///{tmp_path / 'clew.db'}", policy=bundle(policy()))
    with running(Service(key_file(tmp_path), tenant, clock=clock)) as here:
        yield here


def append(here: Asked) -> int:
    """Store a fact; gives the status of the answer."""
    return here.ask("POST", "/clew/v1/append", {"items": [signal("a")]}).status


def failing(error: Exception) -> Callable[..., Any]:
    """A way to store that fails."""

    async def fail(_items: Any) -> Any:
        raise error

    return fail


def test_requests_that_the_store_does_not_answer_are_told_of_once(
    asked: Asked, clock: Hand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line when it begins and one when it is over, though each request is answered with 503."""
    caplog.set_level(logging.WARNING, trouble.logger.name)
    with monkeypatch.context() as sick:
        sick.setattr(asked.tenant, "append", failing(FULL))
        assert [append(asked) for _ in range(20)] == [503] * 20
        assert asked.ask("GET", "/healthz").status == 200
        assert asked.ask("GET", "/clew/v1/policy").status == 200
    clock.now += CALM_SECONDS
    assert asked.ask("GET", "/clew/v1/policy").status == 200
    assert len(caplog.records) == 1
    assert [append(asked) for _ in range(3)] == [200] * 3
    begun, over = caplog.messages
    assert begun.startswith("/clew/v1/append of tenant shop: the store is not available: shop.db")
    assert over.endswith("the store answers again; within 0 s it did not answer 20 requests")


def test_a_fault_of_the_service_is_told_in_full_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that fail alike are answered with 500 each, and logged with one traceback."""
    monkeypatch.setattr(asked.tenant, "append", failing(ZeroDivisionError("by chance")))
    assert [append(asked) for _ in range(20)] == [500] * 20
    [record] = [one for one in caplog.records if one.name == "clew.service"]
    assert record.exc_info is not None
    assert record.getMessage() == "a request failed, or a part of it: by chance"


@pytest.mark.parametrize("how", ["damaged", "removed"])
def test_a_database_that_is_sick_refuses_no_fact(
    asked: Asked, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Facts are asked for again while the file is damaged or gone, and it is told which file."""
    file = tmp_path / "clew.db"
    assert append(asked) == 200
    if how == "damaged":
        with asked.tenant.backend.store.vacated():  # type: ignore[attr-defined]
            content = file.read_bytes()
            file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    else:
        file.unlink()
    caplog.clear()
    assert [append(asked) for _ in range(5)] == [503] * 5
    [said] = [one for one in caplog.records if one.getMessage().startswith("/clew/v1/append")]
    assert said.exc_info is None
    assert "clew.db: " in said.getMessage()
    assert ("malformed" if how == "damaged" else "removed") in said.getMessage()
