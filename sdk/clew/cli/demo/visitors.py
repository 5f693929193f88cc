"""
Simulated visitors: people who come by one by one, look at what they are shown, and may order.

They use the shop as a browser does: pages, forms, cookies, and the beacon's report of what was
seen. What they like is known here and nowhere else; clew finds it out from what they do. All their
chance comes from the seed, and whom they meet in the shop uses none of it, so that a seed sends
the same people again.
"""

import random
import re
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Self

import httpx
import orjson
from attrs import define, field, frozen

from clew.cli.demo.shop import HERO
from clew.errors import ClewError

__all__ = ["RECENT", "Visitors"]

#: How many decisions tell what is shown at the moment.
RECENT = 300

#: Probability of an order by the hero that was seen, on a phone and on a desktop.
_TASTES = {
    "plain": (0.13, 0.13),
    "free_delivery": (0.28, 0.38),
    "two_for_one": (0.38, 0.28),
    "your_usual": (0.36, 0.36),
}
#: What the front page is without a decision.
_PLAIN = "plain"
#: With `--null` no creative does better than another.
_NO_TASTE = (0.18, 0.18)

_PHONES = 0.6
_ALLOWING = 0.95
#: Who looks at a pizza before coming back to the front page.
_BROWSING = 0.3

_AGENTS = {
    "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile",
    "desktop": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
#: Longest piece of an answer that a message repeats, in characters.
_SHOWN = 200

_STATE = re.compile(r'<script[^>]* id="clew-state"[^>]*>(.*?)</script>', re.DOTALL)
_PIZZA = re.compile(r'href="/pizza/([^"/]+)"')


@frozen
class _Person:
    """Who comes by: everything that chance decides of them, before they see anything."""

    device: str
    allows: bool
    browses: bool
    #: Which pizza, as a share of the way down the menu.
    fancy: float
    #: Orders where the taste for what was shown is above this.
    reluctance: float

    @classmethod
    def drawn(cls, chance: random.Random) -> Self:
        """Draw the next person."""
        return cls(
            device="phone" if chance.random() < _PHONES else "desktop",
            allows=chance.random() < _ALLOWING,
            browses=chance.random() < _BROWSING,
            fancy=chance.random(),
            reluctance=chance.random(),
        )

    def orders(self, hero: str, *, null: bool) -> bool:
        """Whether this front page makes them order."""
        phone, desktop = _NO_TASTE if null else _TASTES[hero]
        return self.reluctance < (phone if self.device == "phone" else desktop)


@define
class Visitors:
    """
    Everybody who comes by.

    Args:
        http: reaches the shop; carries the mark of simulated requests.
        null: all creatives are equally good.
    """

    http: httpx.AsyncClient
    seed: int
    null: bool
    #: People so far.
    count: int = 0
    orders: int = 0
    _recent: deque[str] = field(init=False, factory=lambda: deque(maxlen=RECENT))
    _chance: random.Random = field(init=False)

    @_chance.default
    def _seeded(self) -> random.Random:
        return random.Random(f"people {self.seed}")  # noqa: S311 - a simulation

    @property
    def shares(self) -> dict[str, float]:
        """What the treated saw on the front page lately, as shares."""
        counts = Counter(self._recent)
        return {name: number / len(self._recent) for name, number in sorted(counts.items())}

    async def visit(self) -> None:
        """
        Let the next one come by.

        Raises:
            ClewError: the shop answered with an error, or not at all.
        """
        person = _Person.drawn(self._chance)
        self.count += 1
        self.http.cookies.clear()
        self.http.headers["user-agent"] = _AGENTS[person.device]
        page = await self._get("/")
        pizzas = sorted(set(_PIZZA.findall(page)))
        pizza = pizzas[int(person.fancy * len(pizzas))]
        await self._post("/consent", data={"choice": "allow" if person.allows else "withdraw"})
        if person.browses:
            await self._look(await self._get(f"/pizza/{pizza}"))
        told = (await self._look(await self._get("/"))).get(HERO, {})
        if told.get("reason") == "bandit":
            self._recent.append(told["creative"])
        hero = told.get("creative") or _PLAIN
        if person.orders(hero, null=self.null):
            self.orders += 1
            await self._post("/basket", data={"sku": pizza})
            await self._post("/checkout")

    async def _look(self, page: str) -> Mapping[str, Any]:
        """See a page, as its beacon reports; gives what was told of its slots."""
        state = _state_of(page)
        seen = [
            {"token": told["token"], "type": "displayed"}
            for told in state["slots"].values()
            if told["token"] is not None
        ]
        if seen:
            await self._post(state["post"], json={"view": state["view"], "outcomes": seen})
        slots: Mapping[str, Any] = state["slots"]
        return slots

    async def _get(self, path: str) -> str:
        return (await self._ask("GET", path)).text

    async def _post(self, path: str, **body: Any) -> None:
        await self._ask("POST", path, **body)

    async def _ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        try:
            response = await self.http.request(method, path, **body)
        except httpx.HTTPError as error:
            raise ClewError(f"the shop did not answer {method} {path}: {error!r}") from error
        if response.is_error:
            raise ClewError(
                f"the shop answered {response.status_code} to {method} {path}: "
                f"{response.text[:_SHOWN]}"
            )
        return response


def _state_of(page: str) -> Mapping[str, Any]:
    """Read what the page was told of its decisions."""
    found = _STATE.search(page)
    return {"slots": {}} if found is None else orjson.loads(found.group(1))
