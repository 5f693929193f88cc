"""`clew profile`: what is known of one person, and what of it may be used."""

import click

from clew.cli.connection import Connection, as_of_option, connected, json_option
from clew.cli.show import console, print_json, several, table, tell
from clew.cli.subjects import Subject
from clew.cli.wording import Wording
from clew.codec import to_json
from clew.model.profile import Permission, Profile

__all__ = ["profile"]

_ORIGINS = ("declared", "observed", "computed", "predicted")


@click.command()
@click.argument("subject", type=Subject())
@as_of_option
@json_option
@connected
def profile(connection: Connection, *, subject: str, as_of: float | None, as_json: bool) -> None:
    """Show what is known of SUBJECT, and what may be used."""
    with connection.reading(as_of=as_of) as (client, backend):
        found = client.profile(subject)
        if as_json:
            print_json(to_json(found))
        else:
            _tell(found, Wording(backend, connection.tenant))


def _tell(found: Profile, wording: Wording) -> None:
    tell(
        f"{found.subject} as of {found.as_of:%Y-%m-%d %H:%M} UTC: "
        f"{several(found.signals, 'signal')}, policy {found.policy_id} {found.policy_version}",
        style="bold",
    )
    if found.anonymous_subjects:
        tell(f"linked: {', '.join(found.anonymous_subjects)}")
    rows = table("origin", "trait", "value", "what it is")
    for origin in _ORIGINS:
        for name, value in sorted(getattr(found, origin).items()):
            path = f"{origin}.{name}"
            rows.add_row(origin, name, wording.value(path, value), wording.plain(path))
    console().print(rows)
    tell(f"segments: {', '.join(found.segments) or 'none'}")
    for permission in found.permissions:
        tell(_permission(permission))


def _permission(one: Permission) -> str:
    allowed = "permitted" if one.permitted else "not permitted"
    ground = f" on the ground of {one.basis.replace('_', ' ')}" if one.basis else ""
    said = f", {one.state}" if one.state else ""
    when = f" on {one.occurred_at:%Y-%m-%d}" if one.occurred_at else ""
    where = f" ({one.source})" if one.source else ""
    return f"purpose {one.purpose}: {allowed}{ground}{said}{when}{where}"
