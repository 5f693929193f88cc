"""Keys for one purpose are derived from the signing keys, and good for nothing else (K1)."""

import hashlib
import hmac
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import Client
from clew.backends.keyring import Keyring
from clew.backends.memory import MemoryStore
from clew.errors import ConfigurationError

OLD, NEW = "o" * 32, "n" * 32
names = st.text(max_size=8)


def keyring(*keys: str, tenant: str = "default") -> Keyring:
    """The keys of a tenant over a store of its own."""
    return Keyring(MemoryStore(), tenant, keys)


def test_each_signing_key_has_its_own():
    """Keys come newest first, so that what a retired one has signed still verifies (K1)."""
    both = keyring(NEW, OLD).derive("cookie")
    assert both == (*keyring(NEW).derive("cookie"), *keyring(OLD).derive("cookie"))
    assert [len(key) for key in both] == [32, 32]
    assert len(set(both)) == 2


@given(st.lists(st.tuples(names, names), min_size=2, max_size=4, unique=True))
def test_each_purpose_and_tenant_has_its_own(pairs):
    """Whatever they are called, no two purposes or tenants have the same key (K1)."""
    keys = [keyring(NEW, tenant=tenant).derive(purpose) for purpose, tenant in pairs]
    assert all(one != other for one, other in combinations(keys, 2))


@given(names, names)
def test_no_purpose_has_the_key_of_tokens(purpose, tenant):
    """What signs for a purpose cannot make a token, whatever the purpose is called (K2)."""
    of_tokens = hmac.digest(NEW.encode(), f"clew.decision:{tenant}".encode(), hashlib.sha256)
    assert of_tokens not in keyring(NEW, tenant=tenant).derive(purpose)


def test_a_key_is_made_once():
    """Without keys of their own all processes on a store share one, which is kept there (K1)."""
    store = MemoryStore()
    first = Keyring(store, "default", ()).derive("cookie")
    assert Keyring(store, "default", ()).derive("cookie") == first
    assert keyring().derive("cookie") != first
    with store.read() as read:
        assert first[0].hex().encode() not in (read.setting("", "keys") or b"")


def test_clients_derive_keys():
    """A client gives the keys of its tenant, the same each time."""
    with Client("memory://", keys=[NEW], tenant="shop") as client:
        assert client.derive_keys("cookie") == keyring(NEW, tenant="shop").derive("cookie")


@pytest.mark.parametrize("keys", [["short"], [NEW, "short"]])
@pytest.mark.parametrize("url", ["memory://", "https://key@host"])
def test_a_short_key_is_refused(url, keys):
    """A signing key that can be guessed is told of at the start, not with the first token (K1)."""
    with pytest.raises(ConfigurationError, match="32 characters"):
        Client(url, keys=keys, durability="none")
