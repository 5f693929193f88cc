"""The folder in which a client keeps facts on their way: where it is, and what is in it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import click
from attrs import define

from clew.backends.base import Backend
from clew.cli.connection import Connection
from clew.delivery.dead_letters import DeadLetters
from clew.delivery.frames import Frame
from clew.delivery.segment import Segment
from clew.errors import ConfigurationError
from clew.outlet import spool_folder

__all__ = ["Waiting", "spool_of", "spool_option", "waiting"]

#: Bytes of a file that are read at once.
_READ_BYTES = 1024 * 1024

spool_option = click.option(
    "--spool",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the client keeps facts on their way, if it is told.",
)


@define
class Waiting:
    """What is in the folder of one tenant."""

    #: Files of processes that run, and of such that ended before all was stored.
    in_use: int = 0
    left_behind: int = 0
    left_behind_bytes: int = 0
    #: Facts in all of them, and those in files that are in use.
    facts: int = 0
    facts_in_use: int = 0
    #: When the oldest of those in use was put there, in seconds since the epoch.
    in_use_since: float | None = None
    dead_letters: int = 0


def spool_of(
    connection: Connection, backend: Backend | None, given: Path | None = None
) -> Path | None:
    """
    Give the folder of a tenant's facts; None where nothing is kept on disk.

    Args:
        backend: may know a folder of its own; None where it cannot be opened.
        given: the folder that the client was told. Inside is one for each tenant, which may be
            named as well.

    Raises:
        ConfigurationError: what is named is the inner folder of another tenant.
    """
    folder = spool_folder(backend, connection.url, connection.tenant, given)
    if given is None or folder is None or folder.exists():
        return folder
    inner = given.resolve()
    if inner.name == folder.name:
        return given
    if inner.name.startswith("of-"):
        raise ConfigurationError(
            f"{given} holds the facts of tenant {unquote(inner.name[3:])!r}, not of "
            f"{connection.tenant!r}: name the tenant with --tenant, or the folder above this one"
        )
    return folder


def waiting(folder: Path) -> Waiting:
    """
    Count what is in the folder, and leave all of it there.

    Raises:
        OSError: this user may not read it.
    """
    found = Waiting(dead_letters=len(DeadLetters(folder).read()))
    paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in [path for path in paths if path.suffix == ".seg"]:
        segment = Segment.claim(path)
        if segment is not None:
            with closing(segment):
                pending = segment.size - segment.acked
                found.left_behind += pending > 0
                found.left_behind_bytes += pending
                found.facts += sum(1 for _ in _frames(segment))
        elif (held := Segment.look(path)) is not None:
            found.in_use += 1
            with closing(held):
                for frame in _frames(held):
                    found.facts += 1
                    found.facts_in_use += 1
                    found.in_use_since = min(found.in_use_since or frame.at, frame.at)
    return found


def _frames(segment: Segment) -> Iterator[Frame]:
    """Give the records that are not settled."""
    at = segment.acked
    while at < segment.size:
        found = segment.read(at, segment.size, _READ_BYTES)
        yield from found.frames
        at = found.consumed
