"""The clients have the same names and the same words; they differ only in what is awaited."""

import inspect

import pytest

from clew import AsyncClient, Client
from clew.testing import FakeClient
from clew.visitor import Visitor

#: What is awaited in `AsyncClient`, as it may read or write the store.
AWAITED = {
    "close",
    "consent",
    "decide",
    "decide_all",
    "flush",
    "identify",
    "measure",
    "profile",
    "unmerge",
}
#: What differs between entering a block with and without `async`.
BLOCKS = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


def words(cls: type) -> dict[str, list[tuple[str, str, str]]]:
    """By public method, its parameters with kind and default."""
    found = {}
    for name, member in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") or name == "__init__":
            given = inspect.signature(member).parameters.values()
            found[name] = [(one.name, str(one.kind), repr(one.default)) for one in given]
    return found


def test_both_clients_have_the_same_words():
    """Every method of one is a method of the other, with the same parameters and defaults."""
    assert words(AsyncClient) == words(Client)


def test_both_clients_have_the_same_properties():
    """What is read off one is read off the other."""

    def properties(cls: type) -> list[str]:
        return [name for name, _ in inspect.getmembers(cls, lambda one: isinstance(one, property))]

    assert properties(AsyncClient) == properties(Client) != []


def test_what_waits_is_awaited():
    """In `AsyncClient` exactly what may wait is a coroutine."""
    members = dict(inspect.getmembers(AsyncClient, inspect.isfunction))
    awaited = {name for name in words(AsyncClient) if inspect.iscoroutinefunction(members[name])}
    assert awaited == AWAITED
    assert inspect.isasyncgenfunction(members["decide_many"])


@pytest.mark.parametrize(("one", "other"), BLOCKS.items())
def test_both_are_blocks(one, other):
    """Both close themselves at the end of a block."""
    assert hasattr(Client, one)
    assert hasattr(AsyncClient, other)


def test_the_fake_is_a_client():
    """The fake takes what a client takes, and so fails the tests of whoever misuses it."""
    fake = words(FakeClient)
    real = words(Client)
    assert {name: fake[name] for name in real if name != "__init__"} == {
        name: given for name, given in real.items() if name != "__init__"
    }


@pytest.mark.parametrize("name", ["emit", "decide", "decide_all", "report", "consent"])
def test_a_visitor_uses_the_same_words(name):
    """What a visitor takes has the name it has in the client."""
    visitor = {given[0] for given in words(Visitor)[name]}
    assert visitor <= {given[0] for given in words(Client)[name]}
