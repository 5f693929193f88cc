"""`clew key`: make keys for a server, and check the file that holds their hashes."""

import secrets
import time
from pathlib import Path

import click

from clew import schema
from clew.cli.connection import json_option
from clew.cli.show import console, print_json, table, tell
from clew.clock import to_text
from clew.codec import from_json, loads, to_json
from clew.errors import ConfigurationError, DocumentError
from clew.model.keys import KeyEntry, Keys, hash_key

__all__ = ["key", "read_keys"]

#: Tells people, and those who scan for leaked keys, what it is.
_MARK = "clew_"
#: Random bytes of a key: 256 bits.
_KEY_BYTES = 32


@click.group()
def key() -> None:
    """Make and check the keys of `clew serve`."""


@key.command()
@click.option("--id", "name", required=True, help="Who will hold it.")
@click.option("--tenant", default="default", show_default=True, help="Whose data it opens.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="append, append:TYPE_PREFIX, decide, measure, subjects or admin; may be repeated.",
)
@click.option("--browser", is_flag=True, help="It will be in pages, where everybody reads it.")
@click.option("--expires-at", metavar="INSTANT", help="RFC 3339: 2027-01-01T00:00:00Z.")
@click.option("--rate", type=float, metavar="N", help="Requests a second, per worker.")
@json_option
def new(
    *,
    name: str,
    tenant: str,
    scopes: tuple[str, ...],
    browser: bool,
    expires_at: str | None,
    rate: float | None,
    as_json: bool,
) -> None:
    """Make a key: it is shown once, and its entry goes into the keys file."""
    secret = f"{_MARK}{secrets.token_urlsafe(_KEY_BYTES)}"
    said = {
        "id": name,
        "tenant": tenant,
        "hash": hash_key(secret),
        "scopes": list(scopes),
        "browser": browser,
        "expires_at": expires_at,
        "requests_per_second": rate,
    }
    given = {field: value for field, value in said.items() if value is not None}
    schema.validate("keys#/$defs/key_entry", given)
    if browser and scopes != ("append",):
        raise ConfigurationError("a browser's key has the one scope append: everybody reads it")
    entry = to_json(from_json(KeyEntry, given))
    if as_json:
        print_json({"key": secret, "entry": entry})
        return
    tell("The key, shown once; whoever has it may do what it says:", style="bold")
    print(secret)
    tell("Its entry, for `keys` of the keys file:", style="bold")
    print_json(entry)


@key.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a keys FILE and show who may do what."""
    keys = read_keys(file)
    rows = table("id", "tenant", "scopes", "until")
    for one in keys.keys:
        scopes = f"{', '.join(one.scopes)}{' (browser)' if one.browser else ''}"
        rows.add_row(one.id, one.tenant, scopes, _until(one))
    console().print(rows)


def read_keys(file: Path) -> Keys:
    """
    Read a keys file.

    Raises:
        ConfigurationError: it has faults; all of them.
        OSError: it cannot be read.
    """
    try:
        keys = loads(Keys, file.read_bytes())
        schema.validate("keys", to_json(keys))  # scopes are spelled as the schema alone says
    except DocumentError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return keys


def _until(entry: KeyEntry) -> str:
    if entry.expires_at is None:
        return ""
    at = entry.expires_at.timestamp()
    return f"expired {to_text(at)}" if at <= time.time() else to_text(at)
