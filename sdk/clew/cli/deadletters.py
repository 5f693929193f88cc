"""`clew deadletter`: what was given up on its way; sending it again, or letting go of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from clew.backends.base import Backend
from clew.cli.connection import Connection, connected, json_option
from clew.cli.show import console, print_json, several, table, tell
from clew.cli.spools import spool_of, spool_option
from clew.clock import to_text
from clew.delivery.dead_letters import DeadLetter, DeadLetters
from clew.errors import BackendRejectedError, ConfigurationError
from clew.model.batch import BATCH_MAX, ItemResult

__all__ = ["deadletter"]

_TAKEN = frozenset({"applied", "duplicate", "late"})


@click.group()
def deadletter() -> None:
    """Work with facts given up: refused, or undelivered for a day."""


@deadletter.command(name="list")
@spool_option
@json_option
@connected
def list_letters(connection: Connection, *, spool: Path | None, as_json: bool) -> None:
    """Show every dead letter, oldest first, with why it was given up."""
    connection.check_there()
    with connection.opened() as backend:
        folder = _folder(backend, connection, spool)
        letters = DeadLetters(folder).read()
    if as_json:
        print_json([_document(letter) for letter in letters])
        return
    rows = table("given up at", "fact", "why")
    for letter in letters:
        at = datetime.fromtimestamp(letter.at, UTC)
        rows.add_row(f"{at:%Y-%m-%d %H:%M}", _named(letter), letter.reason)
    if letters:
        console().print(rows)
    tell(f"{several(len(letters), 'dead letter')}{_unless_there(folder, spool)}")


@deadletter.command()
@spool_option
@connected
@click.pass_context
def replay(ctx: click.Context, connection: Connection, *, spool: Path | None) -> None:
    """Send every dead letter again; what is refused again stays. Exits with 1 if any does."""
    connection.check_there()
    with connection.opened() as backend:
        folder = _folder(backend, connection, spool)
        box = DeadLetters(folder)
        with box.emptying() as letters:
            refused = 0
            for start in range(0, len(letters), BATCH_MAX):
                refused += _send(backend, box, letters[start : start + BATCH_MAX])
    stored = several(len(letters) - refused, "fact")
    tell(f"{stored} stored, {refused} refused again{_unless_there(folder, spool)}")
    if refused:
        ctx.exit(1)


@deadletter.command()
@spool_option
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@connected
@click.pass_context
def discard(
    ctx: click.Context, connection: Connection, *, spool: Path | None, is_sure: bool
) -> None:
    """Delete every dead letter, for good; asks first. They may hold what people do and buy."""
    connection.check_there()
    with connection.opened() as backend:
        folder = _folder(backend, connection, spool)
    with DeadLetters(folder).emptying() as letters:
        found = several(len(letters), "dead letter")
        if letters and not is_sure and not click.confirm(f"delete {found} for good?"):
            tell("nothing was deleted")
            ctx.exit(1)
    tell(f"{found} deleted{_unless_there(folder, spool)}")


def _folder(backend: Backend, connection: Connection, spool: Path | None) -> Path:
    folder = spool_of(connection, backend, spool)
    if folder is None:
        raise ConfigurationError(f"{connection.url} keeps nothing on disk; name a --spool FOLDER")
    return folder


def _unless_there(folder: Path, spool: Path | None) -> str:
    """Say of a folder that was named and has nothing of this tenant that it may be another."""
    return "" if spool is None or folder.exists() else f" (there is no {folder})"


def _send(backend: Backend, box: DeadLetters, letters: list[DeadLetter]) -> int:
    """
    Send some letters, one by one where all at once are refused; gives how many were put back.

    Raises:
        BackendUnavailableError: nothing was stored; it may be later.
    """
    try:
        results = backend.append([letter.payload for letter in letters])
    except (BackendRejectedError, ValueError) as error:
        if len(letters) > 1:
            return sum(_send(backend, box, [letter]) for letter in letters)
        box.add(letters[0].payload, f"{type(error).__name__}: {error}")
        return 1
    left = [
        (letter, result)
        for letter, result in zip(letters, results, strict=True)
        if result.status not in _TAKEN
    ]
    for letter, result in left:
        box.add(letter.payload, _reason(result))
    return len(left)


def _reason(result: ItemResult) -> str:
    cause = result.cause or result.status
    return f"{cause}: {result.errors[0].message}" if result.errors else cause


def _document(letter: DeadLetter) -> dict[str, Any]:
    return {"at": to_text(letter.at), "reason": letter.reason, "item": _item(letter)}


def _item(letter: DeadLetter) -> Any:
    try:
        return orjson.loads(letter.payload)
    except orjson.JSONDecodeError:
        return letter.payload.decode(errors="replace")


def _named(letter: DeadLetter) -> str:
    """The kind, type and id of a fact; the beginning of what is none."""
    item = _item(letter)
    if not isinstance(item, dict) or not isinstance(fact := next(iter(item.values()), None), dict):
        return str(item)[:60]
    kind = next(iter(item))
    return " ".join(str(one) for one in (kind, fact.get("type"), fact.get("id")) if one)
