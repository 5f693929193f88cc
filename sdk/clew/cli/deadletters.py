"""`clew deadletter`: what was given up on its way, and sending it again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from clew.backends.base import Backend
from clew.cli.connection import Connection, connected, json_option
from clew.cli.show import console, print_json, several, table, tell
from clew.clock import to_text
from clew.delivery.dead_letters import DeadLetter, DeadLetters
from clew.errors import BackendRejectedError, ConfigurationError
from clew.model.batch import BATCH_MAX, ItemResult
from clew.outlet import spool_folder

__all__ = ["deadletter"]

_TAKEN = frozenset({"applied", "duplicate", "late"})

_spool_option = click.option(
    "--spool",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where the client keeps facts on their way, if it is told.",
)


@click.group()
def deadletter() -> None:
    """Work with facts that were given up: refused, or undelivered for a day."""


@deadletter.command(name="list")
@_spool_option
@json_option
@connected
def list_letters(connection: Connection, *, spool: Path | None, as_json: bool) -> None:
    """Show every dead letter, oldest first, with why it was given up."""
    connection.check_there()
    with connection.opened() as backend:
        letters = _dead_letters(backend, connection, spool).read()
    if as_json:
        print_json([_document(letter) for letter in letters])
        return
    rows = table("given up at", "fact", "why")
    for letter in letters:
        at = datetime.fromtimestamp(letter.at, UTC)
        rows.add_row(f"{at:%Y-%m-%d %H:%M}", _named(letter), letter.reason)
    if letters:
        console().print(rows)
    tell(several(len(letters), "dead letter"))


@deadletter.command()
@_spool_option
@connected
@click.pass_context
def replay(ctx: click.Context, connection: Connection, *, spool: Path | None) -> None:
    """Send every dead letter again; what is refused again stays. Exits with 1 if any does."""
    connection.check_there()
    with connection.opened() as backend:
        box = _dead_letters(backend, connection, spool)
        with box.replaying() as letters:
            refused = 0
            for start in range(0, len(letters), BATCH_MAX):
                refused += _send(backend, box, letters[start : start + BATCH_MAX])
    tell(f"{several(len(letters) - refused, 'fact')} stored, {refused} refused again")
    if refused:
        ctx.exit(1)


def _dead_letters(backend: Backend, connection: Connection, spool: Path | None) -> DeadLetters:
    folder = spool_folder(backend, connection.url, connection.tenant, spool)
    if folder is None:
        raise ConfigurationError(f"{connection.url} keeps nothing on disk; name a --spool FOLDER")
    return DeadLetters(folder)


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
