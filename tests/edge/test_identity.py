"""The signed cookie."""

import pytest

from clew_edge.identity import Cookie

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
