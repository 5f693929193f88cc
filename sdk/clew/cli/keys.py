"""`clew key`: make keys for a server, and check the file that holds their hashes."""

import os
import re
import secrets
import time
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import click
import orjson

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
_SCOPES = "append, append:TYPE_PREFIX, decide, measure, subjects or admin"


@click.group()
def key() -> None:
    """Make and check the keys of `clew serve`."""


@key.command()
@click.option("--id", "name", required=True, help="Who will hold it, in one word.")
@click.option("--tenant", default="default", show_default=True, help="Whose data it opens.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help=f"{_SCOPES}; may be repeated.",
)
@click.option("--browser", is_flag=True, help="It will be in pages, where everybody reads it.")
@click.option("--expires-at", metavar="INSTANT", help="RFC 3339: 2027-01-01T00:00:00Z.")
@click.option("--rate", type=float, metavar="N", help="Requests a second, per worker.")
@click.option(
    "--keys",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add its entry to this keys file, which is made where there is none.",
)
@json_option
def new(
    *,
    name: str,
    tenant: str,
    scopes: tuple[str, ...],
    browser: bool,
    expires_at: str | None,
    rate: float | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """
    Make a key, which is shown once.

    Its entry, which holds a hash of it, is for the keys file.
    """
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
    _check(given)
    if browser and scopes != ("append",):
        raise ConfigurationError("a browser's key has the one scope append: everybody reads it")
    entry = to_json(from_json(KeyEntry, given))
    if file is not None:
        _add(entry, file)
    if as_json:
        print_json({"key": secret, "entry": entry})
        return
    tell("The key, shown once; whoever has it may do what it says:", style="bold")
    print(secret)
    if file is not None:
        tell(f"Its entry is in {file}.", style="bold")
        return
    tell("Its entry, for `keys` of the keys file:", style="bold")
    print_json(entry)


@key.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a keys FILE and show who may do what."""
    keys = read_keys(file)
    rows = table("id", "tenant", "scopes", "expires at")
    for one in keys.keys:
        scopes = f"{', '.join(one.scopes)}{' (browser)' if one.browser else ''}"
        rows.add_row(one.id, one.tenant, scopes, _until(one))
    console().print(rows)


def read_keys(file: Path) -> Keys:
    """
    Read a keys file.

    Raises:
        ConfigurationError: it is absent, or has faults; all of them.
        OSError: it cannot be read.
    """
    try:
        keys = loads(Keys, file.read_bytes())
        schema.validate("keys", to_json(keys))  # scopes are spelled as the schema alone says
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no {file}; make it with `clew key new --id NAME --scope SCOPE --keys {file}`"
        ) from error
    except DocumentError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return keys


def _check(entry: dict[str, Any]) -> None:
    """
    Check what was asked for.

    Raises:
        ConfigurationError: a key cannot be so.
    """
    name = entry["id"]
    # A file may have any text for an id. People type and read it, so one that is made is a word.
    if " " in name or not name.isprintable():
        raise ConfigurationError(
            f"no key can be made: its id is one word, such as shop or parcels-eu, not {name!r:.60}"
        )
    try:
        schema.validate("keys#/$defs/key_entry", entry)
    except DocumentError as error:
        for problem in error.problems:
            if at := re.fullmatch(r"/scopes/(\d+)", problem.pointer):
                scope = entry["scopes"][int(at[1])]
                raise ConfigurationError(
                    f"there is no scope `{scope}`; there are {_SCOPES}"
                ) from error
        said = "; ".join(problem.message for problem in error.problems)
        raise ConfigurationError(f"no key can be made: {said}") from error


def _add(entry: dict[str, Any], file: Path) -> None:
    """
    Add an entry to a keys file, whose other entries stay as they are written.

    A server reads the file when it changes, so it is replaced whole. One that is made is its
    owner's alone to read (0600).

    Raises:
        ConfigurationError: the file has faults, or a key of that id.
        OSError: it cannot be written.
    """
    file = file.resolve()  # a link stays one
    if file.exists():
        if any(one.id == entry["id"] for one in read_keys(file).keys):
            raise ConfigurationError(
                f"{file} has a key `{entry['id']}` already; give this one another --id, or take "
                "that entry out of the file first"
            )
        document, mode = orjson.loads(file.read_bytes()), file.stat().st_mode & 0o777
    elif not file.parent.is_dir():
        raise ConfigurationError(f"there is no folder {file.parent} for {file.name}; make it first")
    else:
        document, mode = {"keys": []}, 0o600
    document["keys"].append(entry)
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    descriptor, name = mkstemp(prefix=f".{file.name}.", dir=file.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(text)
        made.chmod(mode)
        made.replace(file)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _until(entry: KeyEntry) -> str:
    if entry.expires_at is None:
        return ""
    at = entry.expires_at.timestamp()
    return f"expired {to_text(at)}" if at <= time.time() else to_text(at)
