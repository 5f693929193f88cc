"""The signed cookie."""

import asyncio

import pytest

from clew.errors import BackendError
from clew_edge import identity
from clew_edge.identity import Cookie, KeyedCookie

OLD, NEW = b"o" * 32, b"n" * 32


def value_of(header: bytes) -> str:
    return header.decode().partition(";")[0].partition("=")[2]


@pytest.mark.parametrize(
    ("dev", "expected"),
    [
        pytest.param(
            False,
            "__Host-clew={}; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Lax",
            id="https",
        ),
        pytest.param(True, "clew={}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax", id="dev"),
    ],
)
def test_the_cookie_is_first_party_and_out_of_reach_of_scripts(dev, expected):
    """The header is exact: bound to the host, 400 days, not for scripts, not for other sites."""
    header = Cookie([NEW], dev=dev).keep("anon-1").decode()
    assert header == expected.format(value_of(header.encode()))


def test_an_id_comes_back_as_it_was():
    """What was kept is read."""
    cookie = Cookie([NEW], dev=False)
    assert cookie.read(value_of(cookie.keep("anon-1"))) == "anon-1"


def test_a_key_that_was_rotated_out_still_reads_and_the_new_one_writes():
    """Keys are newest first: the newest signs, all verify."""
    before = value_of(Cookie([OLD], dev=False).keep("anon-1"))
    both = Cookie([NEW, OLD], dev=False)
    assert both.read(before) == "anon-1"
    assert Cookie([NEW], dev=False).read(value_of(both.keep("anon-1"))) == "anon-1"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="absent"),
        pytest.param("", id="empty"),
        pytest.param("anon-1", id="unsigned"),
        pytest.param("anon-1.AAAA", id="wrong-signature"),
        pytest.param("é.ü", id="not-ascii"),
        pytest.param("." * 4_000, id="long"),
    ],
)
def test_what_was_not_signed_here_is_nobody(value):
    """A forged or broken cookie is as none."""
    assert Cookie([NEW], dev=False).read(value) is None


def test_another_id_cannot_be_put_under_a_signature():
    """The signature holds the id."""
    cookie = Cookie([NEW], dev=False)
    _, _, signature = value_of(cookie.keep("anon-1")).rpartition(".")
    assert cookie.read(f"anon-2.{signature}") is None


def test_forgetting_ends_the_cookie_at_once():
    """The same cookie, empty, with no time to live."""
    assert Cookie([NEW], dev=False).forget() == (
        b"__Host-clew=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
    )


class Keys:
    """A client whose store answers when it is let go, at first with what a test says."""

    has_keys = True

    def __init__(self, *failures):
        self.failures = list(failures)
        self.asked = 0
        self.go = asyncio.Event()

    async def derive_keys(self, purpose):
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        await self.go.wait()
        return (NEW,)


def test_requests_wait_together_for_the_keys_of_the_cookie():
    """The store is asked once, however many come before it has answered."""

    async def scenario():
        client = Keys()
        keyed = KeyedCookie(client, dev=False)
        waiting = [asyncio.create_task(keyed.get()) for _ in range(3)]
        await asyncio.sleep(0)
        client.go.set()
        found = await asyncio.gather(*waiting)
        assert found[0] is not None
        assert found == [found[0]] * 3
        assert client.asked == 1

    asyncio.run(scenario())


def test_a_store_that_hangs_delays_the_first_requests_only(monkeypatch):
    """When the time of the first is over, nobody is known until the store answers."""
    monkeypatch.setattr(identity, "KEYS_SECONDS", 0.001)

    async def scenario():
        client = Keys()
        keyed = KeyedCookie(client, dev=False)
        assert await keyed.get() is None
        monkeypatch.setattr(identity, "KEYS_SECONDS", 3_600)
        assert await keyed.get() is None
        client.go.set()
        assert any([await keyed.get() for _ in range(10)])
        assert client.asked == 1

    asyncio.run(scenario())


def test_a_store_that_fails_is_asked_again_and_told_of_once(caplog):
    """Whoever comes in between is not known."""

    async def scenario():
        client = Keys(BackendError("down"), BackendError("down"))
        client.go.set()
        keyed = KeyedCookie(client, dev=False)
        assert [await keyed.get() is None for _ in range(3)] == [True, True, False]

    asyncio.run(scenario())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
