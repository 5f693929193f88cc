"""`clew doctor`: what is configured, what is reachable, what waits, and what to do about faults."""

import os
from typing import Any

import click
from attrs import Factory, frozen

from clew.backends.base import Backend
from clew.backends.embedded import Embedded
from clew.cli.connection import Connection, connected, json_option
from clew.cli.show import console, print_json, several, table, tell
from clew.delivery.segment import Segment
from clew.errors import ClewError
from clew.outlet import spool_folder

__all__ = ["doctor"]


@frozen
class _Findings:
    """What was found, by name, and what is wrong."""

    facts: dict[str, Any] = Factory(dict)
    #: A sentence each: what is wrong and what to do.
    faults: list[str] = Factory(list)


@click.command()
@json_option
@connected
@click.pass_context
def doctor(ctx: click.Context, connection: Connection, *, as_json: bool) -> None:
    """Look at everything clew stands on here; exits with 1 when something is wrong."""
    found = _Findings({"url": connection.place, "tenant": connection.tenant})
    found.facts["keys"] = _keys()
    _look_at_spool(connection, found)
    if connection.is_absent:
        found.facts["reachable"] = False
        found.faults.append(
            f"there is no {connection.file} yet: name the data with --backend or CLEW_URL, or "
            "begin it with `clew policy publish PATH`"
        )
    else:
        _look_at_backend(connection, found)
    if as_json:
        print_json({**found.facts, "faults": found.faults})
    else:
        _tell(found)
    if found.faults:
        ctx.exit(1)


def _keys() -> str:
    given = [key for key in os.environ.get("CLEW_KEYS", "").split(",") if key]
    return f"{len(given)} of CLEW_KEYS" if given else "in the store"


def _look_at_spool(connection: Connection, found: _Findings) -> None:
    """Count what processes have left on its way; those that run have their files locked."""
    folder = spool_folder(None, connection.url, connection.tenant)
    if folder is None:
        return
    held = files = pending = 0
    for path in sorted(folder.glob("*.seg")):
        segment = Segment.claim(path)
        if segment is None:
            held += 1
            continue
        waiting = segment.size - segment.acked
        segment.close()
        files += waiting > 0
        pending += waiting
    found.facts["spool"] = {
        "folder": str(folder),
        "in_use": held,
        "left_behind": files,
        "left_behind_bytes": pending,
    }


def _look_at_backend(connection: Connection, found: _Findings) -> None:
    try:
        with connection.opened() as backend:
            found.facts["reachable"] = True
            _look_at_store(backend, connection, found)
            live = backend.policy()
    except ClewError as error:
        found.facts["reachable"] = False
        found.faults.append(f"{connection.place} cannot be used: {error}")
        return
    found.facts["policy"] = None if live is None else f"{live.id} {live.version}"
    if live is None:
        found.faults.append(
            "no policy is live, so no signal is stored and every decision is a default: "
            "`clew policy publish PATH`"
        )


def _look_at_store(backend: Backend, connection: Connection, found: _Findings) -> None:
    if not isinstance(backend, Embedded):
        return
    found.facts.update(backend.store.status())
    found.facts["policies"] = backend.shelf.versions()
    if found.facts["keys"] == "in the store":
        with backend.store.read() as read:
            if read.setting("", "keys") is None:
                found.facts["keys"] = "none yet; made with the first token"
    if connection.file is not None and not os.access(connection.file, os.W_OK):
        found.faults.append(f"{connection.file} may not be written to: let this user write it")


def _tell(found: _Findings) -> None:
    rows = table("what", "found")
    for name, value in found.facts.items():
        rows.add_row(name.replace("_", " "), _worded(value))
    console().print(rows)
    left = found.facts.get("spool", {}).get("left_behind", 0)
    if left:
        tell(
            f"{several(left, 'file')} of facts left by processes that ended; the next client on "
            "this URL stores them. They are lost only if the folder is deleted."
        )
    for fault in found.faults:
        tell(f"wrong: {fault}", style="bold red")
    if not found.faults:
        tell("Nothing is wrong. What a running process has lost, it counts in `client.losses`.")


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_worded(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
