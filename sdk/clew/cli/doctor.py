"""`clew doctor`: what is configured, what is reachable, what waits, and what to do about faults."""

import os
import secrets
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import httpx
from attrs import Factory, frozen

from clew.backends.base import Backend
from clew.backends.embedded import Embedded
from clew.backends.http.address import Address, read_address
from clew.backends.http.others import others
from clew.cli.connection import Connection, connected, json_option
from clew.cli.servers import readiness, stranger, takes_facts, tells_no_policy
from clew.cli.show import age, console, print_json, several, table, tell
from clew.cli.spools import Waiting, spool_of, spool_option, waiting
from clew.errors import ClewError

__all__ = ["doctor"]

#: Free space of a disk below which it is told, in bytes.
_LITTLE_BYTES = 100_000_000
#: How long a process that runs may take to hand a fact on, in seconds; it tries each 10 s.
_STUCK_SECONDS = 60.0


@frozen
class _Findings:
    """What was found, by name, and what is wrong."""

    facts: dict[str, Any] = Factory(dict)
    #: A sentence each: what is wrong and what to do.
    faults: list[str] = Factory(list)
    #: What is no fault, and good to know.
    notes: list[str] = Factory(list)


@click.command()
@spool_option
@json_option
@connected
@click.pass_context
def doctor(
    ctx: click.Context, connection: Connection, *, spool: Path | None, as_json: bool
) -> None:
    """Look at everything clew stands on here. Exits with 1 when something is wrong."""
    found = _Findings({"url": connection.place, "tenant": connection.tenant})
    with ExitStack() as opened:
        backend = _opened(connection, found, opened)
        found.facts["keys"] = _keys(connection, backend)
        _look_at_spool(spool_of(connection, backend, spool), found)
        if connection.file is not None:
            _look_at_disk(connection.file, found)
        if connection.is_remote:
            _look_at_others(connection, found)
        if backend is not None:
            _look_at_backend(backend, connection, found)
    if as_json:
        print_json({**found.facts, "notes": found.notes, "faults": found.faults})
    else:
        _tell(found)
    if found.faults:
        ctx.exit(1)


def _opened(connection: Connection, found: _Findings, stack: ExitStack) -> Backend | None:
    """Open the backend for as long as the stack lasts; None where that cannot be."""
    if connection.is_absent:
        found.facts["reachable"] = False
        found.faults.append(
            f"there is no {connection.file} yet: name the data with --backend or CLEW_URL, or "
            "begin it with `clew policy publish PATH`"
        )
        return None
    try:
        return stack.enter_context(connection.opened())
    except ClewError as error:
        _note_unusable(connection, found, error)
        return None


def _note_unusable(connection: Connection, found: _Findings, error: ClewError) -> None:
    found.facts["reachable"] = False
    found.faults.append(f"{connection.place} cannot be used: {error}")


def _keys(connection: Connection, backend: Backend | None) -> str:
    """Where the signing keys are, as far as that can be seen from here."""
    given = [key for key in os.environ.get("CLEW_KEYS", "").split(",") if key]
    if given:
        return f"{len(given)} of CLEW_KEYS"
    if connection.is_remote:
        return "none here; tokens are signed with the server's"
    if isinstance(backend, Embedded):
        try:
            with backend.store.read() as read:
                if read.setting("", "keys") is not None:
                    return "in the store"
        except ClewError:
            return "not known"
    elif not connection.is_absent:
        return "not known"
    return "none yet; made with the first token"


def _look_at_spool(folder: Path | None, found: _Findings) -> None:
    """Count what processes have left on its way, and what they could not get rid of."""
    if folder is None:
        return
    try:
        there = waiting(folder)
    except OSError as error:
        found.facts["spool"] = {"folder": str(folder), "exists": True}
        found.faults.append(
            f"{error.filename or folder}: {error.strerror}: run this as the user of the client"
        )
        return
    found.facts["spool"] = {
        "folder": str(folder),
        "exists": folder.exists(),
        "in_use": there.in_use,
        "left_behind": there.left_behind,
        "left_behind_bytes": there.left_behind_bytes,
    }
    found.facts["facts_waiting"] = there.facts
    found.facts["dead_letters"] = there.dead_letters
    _judge(there, found)


def _judge(there: Waiting, found: _Findings) -> None:
    if there.left_behind:
        found.notes.append(
            f"{several(there.left_behind, 'file')} of facts left by processes that ended; the next "
            "client on this URL stores them. They are lost only if the folder is deleted."
        )
    if there.dead_letters:
        found.notes.append(
            f"{several(there.dead_letters, 'fact')} given up: `clew deadletter list` says why, "
            "and `clew deadletter replay` sends them again."
        )
    waited = 0.0 if there.in_use_since is None else time.time() - there.in_use_since
    if waited > _STUCK_SECONDS:
        found.faults.append(
            f"{several(there.facts_in_use, 'fact')} of processes that run are not stored, the "
            f"oldest for {age(waited)}: their log says why"
        )


def _address(connection: Connection) -> Address:
    return read_address(connection.url, tenant=connection.tenant)


def _look_at_others(connection: Connection, found: _Findings) -> None:
    """Tell of facts in the working folder that wait for another server, or another key."""
    for other in others(_address(connection).folder):
        found.notes.append(
            f"facts wait in {other} that were on their way to another URL, or with another key: "
            "the next client of those stores them. If they were replaced by the ones in use, "
            f"deliver them by a client with spool={str(other)!r}."
        )


def _look_at_disk(file: Path, found: _Findings) -> None:
    """Tell of a disk that will soon be full."""
    folder = file.resolve().parent
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_BYTES:
        found.facts["disk_free_bytes"] = free
        found.notes.append(
            f"{free / 1e6:,.1f} MB are free in {folder}: make room, for a full disk stores nothing."
        )


def _look_at_backend(backend: Backend, connection: Connection, found: _Findings) -> None:
    try:
        found.facts["reachable"] = True
        if isinstance(backend, Embedded):
            _look_at_store(backend, connection, found)
        live = backend.policy()
        if connection.is_remote:
            _look_at_server(connection, found)
    except ClewError as error:
        if not (
            connection.is_remote
            and (_is_stranger(connection, found) or _writes_alone(connection, found))
        ):
            _note_unusable(connection, found, error)
        return
    found.facts["policy"] = None if live is None else f"{live.id} {live.version}"
    if live is None:
        found.faults.append(
            "no policy is live, so no signal is stored and every decision is a default: "
            "`clew policy publish PATH`"
        )


def _is_stranger(connection: Connection, found: _Findings) -> bool:
    """Whether what answers is no server of clew's, or none at this path; how it is, then."""
    try:
        wrong = stranger(_address(connection))
    except httpx.HTTPError:
        return False
    if wrong is None:
        return False
    found.facts["reachable"] = False
    found.faults.append(wrong)
    return True


def _writes_alone(connection: Connection, found: _Findings) -> bool:
    """Whether all that a server refuses is to tell this key its policy; how it is, then."""
    try:
        if not tells_no_policy(_address(connection)):
            return False
    except httpx.HTTPError:
        return False
    found.facts["policy"] = "not told to this key"
    found.notes.append(
        "this key lacks the scope `decide`: it writes what its scopes allow (`clew key check`), "
        "and a client with it answers every decision by a default."
    )
    _look_at_server(connection, found)
    return True


def _look_at_server(connection: Connection, found: _Findings) -> None:
    """Ask a server how it is."""
    address = _address(connection)
    try:
        found.facts["ready"], wrong = readiness(address)
        if not takes_facts(address):
            # Of who only decides that is no fault.
            told = found.faults if found.facts.get("facts_waiting") else found.notes
            told.append(
                "this key lacks the scope `append`: what is emitted and reported with it waits "
                "here, until it has (`clew key check`) or another key is used."
            )
    except httpx.HTTPError as error:
        found.facts["ready"] = "not told"
        wrong = f"{address.base} does not say whether it is ready: {error}"
    if wrong is not None:
        found.faults.append(wrong)


def _look_at_store(backend: Embedded, connection: Connection, found: _Findings) -> None:
    status = backend.store.status()
    # A store counts what it holds, whosever it is.
    found.facts["facts_of_all_tenants"] = status.pop("facts", {})
    found.facts.update(status)
    found.facts["policies"] = backend.shelf.versions()
    found.facts["writable"] = True
    try:
        # Another value each time, or it may never reach the disk; and one row, whoever looks.
        with backend.store.write() as write:
            write.put_setting("", "probe", secrets.token_hex(8).encode())
    except ClewError as error:
        found.facts["writable"] = False
        found.faults.append(f"{connection.place} cannot be written, so no fact is stored: {error}")


def _tell(found: _Findings) -> None:
    rows = table("what", "found")
    for name, value in found.facts.items():
        rows.add_row(name.replace("_", " "), _worded(value))
    console().print(rows)
    for note in found.notes:
        tell(note)
    for fault in found.faults:
        tell(f"wrong: {fault}", style="bold red")
    if not found.faults:
        what = "Nothing else" if found.notes else "Nothing"
        tell(f"{what} is wrong. What a running process has lost, it counts in `client.losses`.")


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_worded(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
