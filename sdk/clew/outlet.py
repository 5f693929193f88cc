"""
The way out of a client: where its facts wait, how its backend gets them, and what becomes of those
that it refuses.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, unquote

import orjson

from clew.backends.base import Backend
from clew.clock import Clock
from clew.delivery.dead_letters import DeadLetters
from clew.delivery.losses import OnLoss
from clew.delivery.outbox import Outbox, Overflow
from clew.delivery.spool import Spool
from clew.model.batch import ItemResult, ItemStatus
from clew.once import Once

__all__ = ["Awaiting", "Durability", "OnLoss", "Outlet", "Overflow", "spool_folder"]

logger = logging.getLogger("clew")

#: What an emitted fact survives: nothing, the death of the process, or a power cut too.
Durability: TypeAlias = Literal["none", "process", "disk"]

#: How many bytes wait to be delivered at most when nobody says: on disk, and without one.
PENDING_BYTES_ON_DISK = 256 * 1024 * 1024
PENDING_BYTES_IN_MEMORY = 16 * 1024 * 1024

#: How many of those on disk are in memory too, and as many more while the disk refuses.
PENDING_BYTES_CACHED = 4 * 1024 * 1024


class Awaiting:
    """
    What becomes of one fact, for whoever waits for it.

    Args:
        awaited: `Outlet.awaited`.
        seconds: how long it is waited for at most.
    """

    def __init__(self, awaited: "dict[str, Awaiting]", seconds: float) -> None:
        self.seconds = seconds
        #: What has become of it; None while that is not known.
        self.status: ItemStatus | None = None
        self._awaited = awaited
        self._name = ""

    @property
    def has_begun(self) -> bool:
        """Whether anything is on its way that is waited for."""
        return bool(self._name)

    def begin(self, name: str) -> None:
        """Wait for the fact of an id, which is about to be put."""
        self._name = name
        self._awaited[name] = self

    def end(self) -> None:
        """Wait no longer."""
        self._awaited.pop(self._name, None)


class Outlet(Outbox):
    """
    An outbox to a backend.

    Args:
        backend: stores what is put.
        folder: where it waits on disk; None keeps it in memory alone.
        durability: as `Client`, and so the others up to `clock`.
        once: what was logged.
    """

    def __init__(
        self,
        backend: Backend,
        folder: Path | None,
        *,
        durability: Durability,
        max_pending_bytes: int | None,
        overflow: Overflow,
        block_seconds: float,
        on_loss: OnLoss | None,
        clock: Clock,
        once: Once,
    ) -> None:
        self._backend = backend
        self._once = once
        #: By id, who waits for facts.
        self.awaited: dict[str, Awaiting] = {}
        self._dead_letters = None
        spool = None
        memory_bytes = max_pending_bytes or PENDING_BYTES_IN_MEMORY
        if folder is not None and durability != "none":
            disk_bytes = max_pending_bytes or PENDING_BYTES_ON_DISK
            memory_bytes = min(disk_bytes, PENDING_BYTES_CACHED)
            spool = Spool(folder, durability=durability, max_bytes=disk_bytes)
            self._dead_letters = DeadLetters(folder, clock=clock)
        #: Where the facts wait; None where memory alone has them.
        self.folder = None if spool is None else folder
        super().__init__(
            self._deliver,
            spool=spool,
            max_memory_bytes=memory_bytes,
            overflow=overflow,
            block_seconds=block_seconds,
            dead_letter=None if self._dead_letters is None else self._dead_letters.add,
            on_loss=on_loss,
            lost=getattr(backend, "forget", None),
            clock=clock,
        )

    def set_aside(self, item: Mapping[str, Any], reason: str) -> None:
        """Keep a fact that the live policy does not take: another one may (C18)."""
        if self._dead_letters is not None:
            self._dead_letters.add(orjson.dumps(item), reason)

    def _deliver(self, batch: list[bytes]) -> list[int]:
        """Have a batch stored; gives the positions of what is to be sent again."""
        results = self._backend.append(batch)
        for payload, result in zip(batch, results, strict=True):
            if result.status == "refused":
                self._bury(payload, result)
            if self.awaited and (awaiting := self.awaited.get(result.id)) is not None:
                awaiting.status = result.status
        return [n for n, result in enumerate(results) if result.status == "retry"]

    def _bury(self, payload: bytes, result: ItemResult) -> None:
        """Count what the backend refuses, and keep it; but not what nobody has allowed to keep."""
        cause = result.cause or "refused"
        message = result.errors[0].message if result.errors else cause
        self.lose(cause)
        if self._dead_letters is not None and cause != "no_basis":
            self._dead_letters.add(payload, f"{cause}: {message}")
        place = result.errors[0].pointer if result.errors else ""
        if self._once.is_news("not stored", f"{cause} {place}"):
            logger.warning(
                "a fact was not stored (%s): %s (said once per cause and field)",
                " ".join(filter(None, (cause, place))),
                message,
            )


def spool_folder(
    backend: object, url: str | None, tenant: str, given: str | os.PathLike[str] | None = None
) -> Path | None:
    """
    Where facts on their way wait, one folder per tenant.

    That is in the folder that is given, else in that of a backend elsewhere, else beside the
    database file; memory has nothing that would outlive the process.
    """
    scheme, _, path = (url or "").partition(":///")
    beside = f"{unquote(path)}.spool" if scheme == "sqlite" else None
    folder = given or getattr(backend, "spool_folder", None) or beside
    return None if folder is None else Path(folder) / quote(f"of-{tenant}", safe="")
