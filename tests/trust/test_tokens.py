"""Tokens: what is issued is read back, and nothing else is (K1, K2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import ConfigurationError, TokenError
from clew.trust.tokens import Tokens, new_key

KEY, OTHER = "k" * 32, "o" * 32
NAME = "019b796dd6000fbc5da31c82264a494a"


def tokens(*keys: str, tenant: str = "default", lifetime: float = 60.0) -> Tokens:
    """A signer."""
    return Tokens(keys or (KEY,), tenant=tenant, lifetime_seconds=lifetime)


@given(st.floats(0, 4e9), st.floats(0, 59))
def test_what_is_issued_is_read(now, age):
    """A token gives its decision until its lifetime is over, in at most 160 characters."""
    token = tokens().issue(NAME, now)
    assert tokens().read(token, now + age) == NAME
    assert tokens().read(token, now + 61) is None
    assert len(token) <= 160


def test_retired_keys_verify():
    """The newest key signs; older ones still verify (K2)."""
    old = tokens(OTHER).issue(NAME, 0)
    both = tokens(KEY, OTHER)
    assert both.read(old, 0) == NAME
    assert tokens(KEY).read(both.issue(NAME, 0), 0) == NAME
    with pytest.raises(TokenError):
        tokens(KEY).read(old, 0)


def test_tenants_have_keys_of_their_own():
    """A key gives every tenant another signature (T21)."""
    with pytest.raises(TokenError):
        tokens(tenant="other").read(tokens().issue(NAME, 0), 0)


@given(st.text())
def test_any_text_is_refused(text):
    """No text but a token is taken, and reading never fails otherwise."""
    with pytest.raises(TokenError):
        tokens().read(text, 0)


@pytest.mark.parametrize("keys", [(), ("short",), (KEY, "short")])
def test_keys_must_be_strong(keys):
    """Too short a key, or none, is refused with a way to make one."""
    with pytest.raises(ConfigurationError, match=r"secrets\.token_hex"):
        Tokens(keys, tenant="default", lifetime_seconds=1)


def test_new_keys_are_new():
    """Each key is made anew and is long enough."""
    assert len({new_key() for _ in range(50)}) == 50
    tokens(new_key())


def test_a_token_has_one_spelling():
    """No other last character gives the same signature: a report could be told anew with each."""
    token = tokens().issue(NAME, 0)
    others = [token[:-1] + chr(ord(token[-1]) ^ bit) for bit in (1, 2, 4, 8, 16)]
    for other in others:
        with pytest.raises(TokenError):
            tokens().read(other, 0)
