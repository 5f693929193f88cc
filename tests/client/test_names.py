"""The clients have the same names and the same words; they differ only in what is awaited."""

import inspect

import pytest

from clew import AsyncClient, AsyncVisitor, Client, Visitor
from clew.testing import FakeClient

#: What is awaited in `AsyncClient`, as it may read or write the store.
AWAITED = {
    "close",
    "consent",
    "decide",
    "decide_all",
    "decisions",
    "derive_keys",
    "flush",
    "identify",
    "measure",
    "profile",
    "unmerge",
}
#: The same of `AsyncVisitor`.
AWAITED_OF_VISITORS = {"consent", "decide", "decide_all", "identify", "prepare", "profile"}
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


def awaited_of(cls: type) -> set[str]:
    """The public methods that are coroutines."""
    members = inspect.getmembers(cls, inspect.iscoroutinefunction)
    return {name for name, _ in members if not name.startswith("_")}


def test_both_clients_have_the_same_words():
    """Every method of one is a method of the other, with the same parameters and defaults."""
    assert words(AsyncClient) == words(Client)


def test_both_clients_have_the_same_properties():
    """What is read off one is read off the other."""

    def properties(cls: type) -> list[str]:
        return [name for name, _ in inspect.getmembers(cls, lambda one: isinstance(one, property))]

    assert properties(AsyncClient) == properties(Client) != []


def test_what_waits_is_awaited():
    """In the clients and visitors for asyncio exactly what may wait is a coroutine."""
    assert awaited_of(AsyncClient) == AWAITED
    assert awaited_of(AsyncVisitor) == AWAITED_OF_VISITORS
    assert inspect.isasyncgenfunction(AsyncClient.decide_many)


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


def test_both_visitors_have_the_same_words():
    """Every method of one visitor is a method of the other, with the same parameters."""
    given = words(Visitor)
    assert {**words(AsyncVisitor), "__init__": None} == {**given, "__init__": None}


def test_both_visitors_tell_the_same():
    """What is read off one visitor is read off the other, and no more but the visitor itself."""
    visitor = FakeClient().visitor("u-1", channel="web")
    told = {name for name in dir(visitor) if not name.startswith("_")}
    both = AsyncVisitor(visitor)
    assert {name for name in dir(both) if not name.startswith("_")} == {*told, "visitor"}
    plain = [name for name in told if not callable(getattr(visitor, name))]
    assert plain
    assert [getattr(both, name) for name in plain] == [getattr(visitor, name) for name in plain]


@pytest.mark.parametrize("name", ["emit", "decide", "decide_all", "report", "consent"])
def test_a_visitor_uses_the_same_words(name):
    """What a visitor takes has the name it has in the client."""
    visitor = {given[0] for given in words(Visitor)[name]}
    assert visitor <= {given[0] for given in words(Client)[name]}
