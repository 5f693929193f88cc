"""Where the data of a command lies: the options for it, and how it is opened."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import click
from attrs import frozen

from clew.backends import open_backend
from clew.backends.base import Backend
from clew.backends.embedded import Embedded
from clew.client import Client
from clew.clock import Clock, SystemClock, instant
from clew.errors import ConfigurationError
from clew.options import DEFAULT_URL
from clew.policy import build_bundle, load_policy

__all__ = [
    "Connection",
    "as_of_option",
    "backend_option",
    "connected",
    "json_option",
    "policy_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])


@frozen
class _Standing:
    """A clock that stands at one instant."""

    at: float

    def now(self) -> float:
        return self.at


@frozen
class Connection:
    """Which data, whose."""

    url: str
    tenant: str

    @property
    def file(self) -> Path | None:
        """The database file, if it is one."""
        scheme, _, path = self.url.partition(":///")
        return Path(unquote(path)) if scheme == "sqlite" else None

    @property
    def is_remote(self) -> bool:
        """Whether it lies behind a server."""
        return self.url.startswith(("http://", "https://"))

    @property
    def is_absent(self) -> bool:
        """Whether it is a file that is not there yet."""
        return self.file is not None and not self.file.exists()

    @property
    def place(self) -> str:
        """The URL as it may be shown: without the key or password in it."""
        scheme, separator, rest = self.url.partition("://")
        authority, slash, path = rest.partition("/")
        return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"

    def backend(self, *, policy: Path | None = None, as_of: float | None = None) -> Backend:
        """Open the backend; a policy seeds it."""
        bundle = None if policy is None else build_bundle(load_policy(policy))
        clock: Clock = SystemClock() if as_of is None else _Standing(as_of)
        return open_backend(self.url, tenant=self.tenant, policy=bundle, clock=clock)

    @contextmanager
    def opened(
        self, *, policy: Path | None = None, as_of: float | None = None
    ) -> Iterator[Backend]:
        """Open the backend for as long as the block lasts."""
        with closing(self.backend(policy=policy, as_of=as_of)) as backend:
            yield backend

    def check_there(self) -> None:
        """
        Check that there is data, before a command that only reads would make an empty database.

        Raises:
            ConfigurationError: there is no such file.
        """
        if self.is_absent:
            raise ConfigurationError(
                f"there is no {self.file}; name the data with --backend, or `clew import` some"
            )

    @contextmanager
    def reading(
        self, *, policy: Path | None = None, as_of: float | None = None
    ) -> Iterator[tuple[Client, Backend]]:
        """
        Open a client on data that is there; a policy seeds it, in a new database if need be.

        Raises:
            ConfigurationError: there is no such file and no policy for it, no policy is live, or
                a server is asked of another time than now.
        """
        if policy is None:
            self.check_there()
        if as_of is not None and self.is_remote:
            raise ConfigurationError(
                f"{self.place} is a server, which answers as of now: leave --as-of out, or run "
                "this where its database is"
            )
        backend = self.backend(policy=policy, as_of=as_of)
        clock = None if as_of is None else _Standing(as_of)
        with Client(self.url, tenant=self.tenant, backend=backend, clock=clock) as client:
            if backend.policy() is None:
                raise ConfigurationError(
                    f"no policy is live for tenant {self.tenant!r} in {self.place}; "
                    "make one live with `clew policy publish PATH`"
                )
            yield client, backend

    @contextmanager
    def embedded(self) -> Iterator[Embedded]:
        """
        Open the store itself.

        Raises:
            ConfigurationError: the data lies behind a server.
        """
        with self.opened() as backend:
            if not isinstance(backend, Embedded):
                raise ConfigurationError(
                    f"{self.place} is a server; run this where its database is, or use its own "
                    "means"
                )
            yield backend


class _Instant(click.ParamType[float]):
    """An RFC 3339 instant."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return instant(value)
        except ValueError as error:
            self.fail(f"{error}; write it as in 2026-03-01T10:00:00Z", param, ctx)


backend_option = click.option(
    "--backend",
    "url",
    envvar="CLEW_URL",
    default=DEFAULT_URL,
    show_default=True,
    metavar="URL",
    help="Where the data lies (CLEW_URL).",
)


def connected(command: Command) -> Command:
    """Give a command `--backend` and `--tenant`, as its first argument."""

    @backend_option
    @click.option(
        "--tenant",
        envvar="CLEW_TENANT",
        default="default",
        show_default=True,
        help="Whose data it is (CLEW_TENANT).",
    )
    @wraps(command)
    def with_connection(*args: Any, url: str, tenant: str, **options: Any) -> Any:
        return command(Connection(url, tenant), *args, **options)

    return with_connection  # type: ignore[return-value]


as_of_option = click.option(
    "--as-of",
    type=_Instant(),
    metavar="INSTANT",
    help="As if it were then, RFC 3339: 2026-03-01T10:00:00Z.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
policy_option = click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A policy file or folder; it goes live where none is, in a new database if need be.",
)
