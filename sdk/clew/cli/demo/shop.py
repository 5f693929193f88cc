"""
The shop of the demo: `examples/shop`, with a policy that answers quickly.

An installed clew carries the shop as `clew/_demo`; a checkout reads it where it lies.
"""

import json
import random
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from attrs import frozen

import clew
from clew.backends import open_backend
from clew.client import Client
from clew.clock import Clock
from clew.errors import ConfigurationError
from clew.loading import lacking
from clew.policy import build_bundle, load_policy

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

__all__ = ["HERO", "OBJECTIVE", "TENANT", "WINDOW_SECONDS", "Shop", "open_shop"]

TENANT = "demo"
OBJECTIVE = "orders"
HERO = "home_hero"

#: An order counts for this long after the decision; shops take days, a demo has no time.
WINDOW_SECONDS = 30.0
#: Large, so that both arms are soon big enough to compare.
HOLDOUT_SHARE = 0.3

#: Says that a request is the simulation's; who does not know this run's secret is a person.
_MARK = "x-clew-demo"
#: The name under which the shop is imported.
_PACKAGE = "clew_demo_shop"

_NEEDED = ("jinja2", "nh3", "starlette", "uvicorn")


@frozen
class Shop:
    """The shop's application and the client that it decides with."""

    app: Callable[..., Awaitable[None]]
    client: Client
    #: The header that marks a request as the simulation's.
    mark: Mapping[str, str]


def open_shop(
    url: str,
    *,
    seed: int,
    window_seconds: float = WINDOW_SECONDS,
    clock: Clock | None = None,
) -> Shop:
    """
    Open the shop on a store of its own.

    Args:
        url: of the store.
        seed: of what the bandit draws, and of the visitors' ids, which say who is held out.
        window_seconds: for how long an order counts.
        clock: what tells the time.

    Raises:
        ConfigurationError: a library that the shop is made with is not installed.
    """
    shop = _package()
    backend = open_backend(
        url,
        tenant=TENANT,
        policy=build_bundle(load_policy(_quick(_folder() / "policy.json", window_seconds))),
        clock=clock,
        uniform=random.Random(f"draws {seed}").random,  # noqa: S311 - a simulation
    )
    client = _NumberedVisitors(seed, url, tenant=TENANT, backend=backend, clock=clock)
    secret = secrets.token_hex(16)

    def traffic(connection: "HTTPConnection") -> str | None:
        """Believe only who knows the secret; None leaves it to the middleware."""
        told = connection.headers.get(_MARK, "")
        return "synthetic" if secrets.compare_digest(told.encode(), secret.encode()) else None

    app = shop.create_app(client, traffic=traffic, measure_page=True)
    return Shop(app, client, {_MARK: secret})


class _NumberedVisitors(Client):
    """Counts the anonymous ids up from the seed, so that the same visitors are held out again."""

    def __init__(self, seed: int, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._seed = seed
        self._numbers = count(1)

    def logout(self) -> str:
        """As `Client.logout`."""
        return f"anon-{self._seed}-{next(self._numbers)}"


def _quick(path: Path, window_seconds: float) -> dict[str, Any]:
    """Read the shop's policy, and let it answer within minutes; simulated visitors count."""
    policy: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    policy |= {"id": f"{policy['id']}-demo", "traffic": ["human", "synthetic"]}
    for objective in policy["objectives"]:
        objective["window_seconds"] = window_seconds
    for holdout in policy["holdouts"]:
        holdout["share"] = HOLDOUT_SHARE
    return policy


def _folder() -> Path:
    packaged = Path(clew.__file__).with_name("_demo")
    return packaged if packaged.is_dir() else Path(clew.__file__).parents[2] / "examples" / "shop"


def _package() -> ModuleType:
    """Import the shop's application from its folder, wherever that lies."""
    try:
        for name in _NEEDED:
            import_module(name)
    except ImportError as error:
        raise ConfigurationError(lacking(error.name, "all")) from error
    if _PACKAGE not in sys.modules:
        folder = _folder()
        spec = spec_from_file_location(
            _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ConfigurationError(f"there is no shop in {folder}: install clew anew")
        package = module_from_spec(spec)
        sys.modules[_PACKAGE] = package
        spec.loader.exec_module(package)
    return import_module(f"{_PACKAGE}.app")
