"""A policy that asks for something new finds the history that is there (C45)."""

from typing import Any

import pytest

from clew import Client
from clew.backends.embedded import Embedded
from clew.policy import build_bundle, load_policy
from client.worlds import World, embedded, policy

_LATER = [
    {
        "id": "usual",
        "signal": "item_ordered",
        "aggregate": "affinity",
        "of": "data.sku",
        "purpose": "personalise",
    },
    {
        "id": "pairs",
        "signal": "item_ordered",
        "aggregate": "together",
        "of": "data.sku",
        "by": "data.order",
        "catalogue": "products",
        "purpose": "personalise",
    },
]


def _versions() -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy that reads ordered items a little, and the next version, which reads them well."""
    count = {
        "id": "ordered",
        "signal": "item_ordered",
        "aggregate": "count",
        "purpose": "personalise",
    }
    catalogues = [{"id": "products", "learn": {"signal": "item_ordered", "item": "data.sku"}}]
    first = policy(traits=[count], catalogues=catalogues)
    return first, {**first, "version": "2", "traits": [count, *_LATER]}


def _ordered(client: Client, *orders: str, **more: Any) -> None:
    for skus in orders:
        for sku in skus:
            data = {"sku": sku, "order": skus}
            client.emit("item_ordered", subject="u-1", data=data, **more)
    client.flush()


def _pairs(backend: Embedded, item: str, tenant: str = "default") -> dict[str, float]:
    compiled = backend.compiled()
    assert compiled is not None
    trait = compiled.traits["computed.pairs"]
    with backend.store.read() as read:
        return read.sums(tenant, f"pairs:{trait.digest}:{item}")


@pytest.fixture
def grown(world: World) -> Client:
    """A client whose person ordered under the first version before the second was published."""
    first, second = _versions()
    client = world.client(first)
    client.consent("u-1", grant=["personalise"])
    _ordered(client, "ab", "abc")
    embedded(client).shelf.publish(build_bundle(load_policy(second)))
    return client


def test_a_new_trait_is_folded_from_the_log(grown: Client) -> None:
    """A trait that is declared later has the value it would have had all along."""
    assert grown.profile("u-1").computed["ordered"] == 5
    assert set(grown.profile("u-1").computed["usual"]["shares"]) == {"a", "b", "c"}


def test_pairs_of_the_past_are_counted_once(grown: Client) -> None:
    """What was bought together before the trait was declared is counted with the next fact."""
    _ordered(grown, "d")
    _ordered(grown, "e")
    backend = embedded(grown)
    assert _pairs(backend, "a") == {"b": 2.0, "c": 1.0}
    assert _pairs(backend, "c") == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param([], id="nothing"),
        pytest.param(["d"], id="another basket"),
        pytest.param(["ad"], id="the same items"),
        pytest.param(list("efghijklmnopqrstuvwxyz"), id="more than is remembered"),
    ],
)
def test_pairs_are_counted_once_whatever_policies_came_between(
    grown: Client, world: World, meanwhile: list[str]
) -> None:
    """A trait that was given up for a while has the counts it would have had all along."""
    first, second = _versions()
    _ordered(grown, "abd")
    for version, law in ("3", first), ("4", second), ("5", first), ("6", second):
        embedded(grown).shelf.publish(build_bundle(load_policy({**law, "version": version})))
        _ordered(grown, *(meanwhile if law is first else ["abe"]))
    always = world.client(second, tenant="always")
    always.consent("u-1", grant=["personalise"])
    _ordered(always, "ab", "abc", "abd", *meanwhile, "abe", *meanwhile, "abe")
    for item in "abcde":
        assert _pairs(embedded(grown), item) == _pairs(embedded(always), item, "always")
    assert grown.profile("u-1").computed["usual"]["shares"].keys() >= {"a", "b", "e"}


def test_what_happened_before_1970_is_in_the_log_too(grown: Client) -> None:
    """History is folded from its beginning, whenever that was (F6)."""
    _ordered(grown, "z", at="1969-12-31T23:59:59Z")
    _, second = _versions()
    later = {**second["traits"][0], "id": "ordered_again"}
    again = {**second, "version": "3", "traits": [*second["traits"], later]}
    embedded(grown).shelf.publish(build_bundle(load_policy(again)))
    computed = grown.profile("u-1").computed
    assert (computed["ordered"], computed["ordered_again"]) == (6, 6)


@pytest.mark.parametrize("when", ["before the trait was declared", "after"])
def test_nobody_is_offered_what_machines_buy_together(world: World, when: str) -> None:
    """Pairs and names are learned from people alone (F3, L6)."""
    first, second = _versions()
    client = world.client(second if when == "after" else first)
    client.consent("u-1", grant=["personalise"])
    _ordered(client, "ab", traffic="bot")
    embedded(client).shelf.publish(build_bundle(load_policy(second)))
    _ordered(client, "cd")
    backend = embedded(client)
    assert (_pairs(backend, "a"), _pairs(backend, "c")) == ({}, {"d": 1.0})
    with backend.store.read() as read:
        assert read.setting("default", "item:products:a") is None
        assert read.setting("default", "item:products:c") is not None
