"""The basket: what is in it, what it costs, and how it travels in a cookie."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import ClassVar

from attrs import evolve, frozen

from .catalogue import MENU, Product

__all__ = ["Basket"]

#: The most a basket takes: a cookie is small, and so is the oven.
LIMIT = 20


@frozen
class Basket:
    """What somebody is about to order. The two offers of the house hold for everybody."""

    skus: tuple[str, ...] = ()

    #: Its cookie; the shop does not work without it, so no consent is asked for.
    COOKIE: ClassVar = "basket"

    @classmethod
    def from_cookies(cls, cookies: Mapping[str, str]) -> "Basket":
        """Read the cookie, which may hold anything: what is not on the menu is left out."""
        skus = cookies.get(cls.COOKIE, "").split(".")
        return cls(tuple(sku for sku in skus if sku in MENU)[:LIMIT])

    def to_cookie(self) -> str:
        """Write the cookie's value; dots need no quoting there."""
        return ".".join(self.skus)

    def add(self, sku: str) -> "Basket":
        """Put something in; a full basket stays as it is."""
        return evolve(self, skus=(*self.skus, sku)[:LIMIT])

    def remove(self, sku: str) -> "Basket":
        """Take one piece out again."""
        at = self.skus.index(sku) if sku in self.skus else len(self.skus)
        return evolve(self, skus=self.skus[:at] + self.skus[at + 1 :])

    def __len__(self) -> int:
        return len(self.skus)

    def __iter__(self) -> Iterator[Product]:
        return (MENU[sku] for sku in self.skus)

    @property
    def lines(self) -> list[tuple[Product, int]]:
        """Each product with how often it is there, in the order in which they came."""
        return [(MENU[sku], count) for sku, count in Counter(self.skus).items()]

    @property
    def discount(self) -> int:
        """Two for one, in cents: of every two pizzas the less expensive one is free."""
        prices = sorted((p.cents for p in self if p.kind == "pizza"), reverse=True)
        return sum(prices[1::2])

    @property
    def total(self) -> int:
        """What is to pay, in cents. Delivery is free."""
        return sum(product.cents for product in self) - self.discount
