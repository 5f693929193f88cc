"""One person: what is known (`profile`), what is shown (`decide`) and why (`explain`)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from clew.backends.base import Backend
from clew.backends.embedded import Embedded
from clew.cli.connection import Connection, as_of_option, connected, json_option, policy_option
from clew.cli.show import age, amount, console, percent, print_json, table, tell
from clew.codec import to_json
from clew.errors import ConfigurationError
from clew.model.decision import Decision, Explanation
from clew.model.policy import Trait
from clew.model.profile import Profile
from clew.schema import nearest

__all__ = ["decide", "explain", "profile"]

_ORIGINS = ("declared", "observed", "computed", "predicted")


@click.command()
@click.argument("subject")
@as_of_option
@json_option
@connected
def profile(connection: Connection, *, subject: str, as_of: float | None, as_json: bool) -> None:
    """Show what is known of SUBJECT, by origin, and what may be used."""
    with connection.reading(as_of=as_of) as (client, backend):
        found = client.profile(subject)
        if as_json:
            print_json(to_json(found))
        else:
            _show_profile(found, backend, connection.tenant)


@click.command()
@click.argument("slot")
@click.option("--subject", required=True, help="For whom.")
@click.option("--context", multiple=True, metavar="K=V", help="What the request tells.")
@as_of_option
@policy_option
@json_option
@connected
def decide(
    connection: Connection,
    *,
    slot: str,
    subject: str,
    context: tuple[str, ...],
    as_of: float | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """
    Decide what SUBJECT is shown in SLOT, and say why.

    The decision is recorded like any other; it counts when it is reported as displayed.
    """
    known = _context(context)
    with connection.reading(policy=policy_path, as_of=as_of) as (client, backend):
        _check_slot(slot, backend)
        made = client.decide(slot, subject=subject, context=known)
        if as_json:
            print_json(to_json(made))
        else:
            _show_decision(made)


@click.command()
@click.argument("decision")
@json_option
@connected
def explain(connection: Connection, *, decision: str, as_json: bool) -> None:
    """Say why DECISION (an id) is what it is, from its record."""
    with connection.reading() as (_, backend):
        found = backend.decision(decision)
        if found is None:
            raise ConfigurationError(
                f"there is no decision {decision!r} of tenant {connection.tenant!r} in "
                f"{connection.url}"
            )
        if as_json:
            print_json(to_json(found.explanation))
        else:
            _show_decision(found)
            _show_explanation(found.explanation)


# -- profile


def _show_profile(found: Profile, backend: Backend, tenant: str) -> None:
    tell(
        f"{found.subject} as of {found.as_of:%Y-%m-%d %H:%M} UTC: {found.signals:,} signals, "
        f"policy {found.policy_id} {found.policy_version}",
        style="bold",
    )
    if found.anonymous_subjects:
        tell(f"linked: {', '.join(found.anonymous_subjects)}")
    policy = backend.policy()
    declared: dict[tuple[str, str], Trait] = {}
    if policy is not None:
        declared = {(trait.kind, trait.id): trait for trait in policy.traits}
    rows = table("origin", "trait", "value", "what it is")
    for origin in _ORIGINS:
        for name, value in sorted(getattr(found, origin).items()):
            trait = declared.get((origin, name))
            plain = trait.plain if trait is not None else None
            rows.add_row(origin, name, _worded(value, trait, backend, tenant), plain or "")
    console().print(rows)
    tell(f"segments: {', '.join(found.segments) or 'none'}")
    for one in found.permissions:
        allowed = "permitted" if one.permitted else "not permitted"
        ground = f" on the ground of {one.basis.replace('_', ' ')}" if one.basis else ""
        said = f", {one.state}" if one.state else ""
        where = f" ({one.source})" if one.source else ""
        since = f" on {one.occurred_at:%Y-%m-%d}" if one.occurred_at else ""
        tell(f"purpose {one.purpose}: {allowed}{ground}{said}{since}{where}")


def _worded(value: Any, trait: Trait | None, backend: Backend, tenant: str) -> str:
    if trait is not None and trait.aggregate == "recency":
        return age(value)
    if trait is not None and trait.aggregate == "affinity" and isinstance(value, Mapping):
        return "\n".join(
            f"{percent(share)} {key} {_item_name(key, trait, backend, tenant)}".rstrip()
            for key, share in value["shares"].items()
        )
    return amount(value)


def _item_name(key: str, trait: Trait, backend: Backend, tenant: str) -> str:
    """What the trait's catalogue calls an item, listed or learned."""
    policy = backend.policy()
    if trait.catalogue is None or policy is None:
        return ""
    catalogue = next(one for one in policy.catalogues if one.id == trait.catalogue)
    listed = next((item.name for item in catalogue.items if item.id == key), None)
    if listed is None and isinstance(backend, Embedded):
        with backend.store.read() as read:
            learned = read.setting(tenant, f"item:{catalogue.id}:{key}")
        listed = orjson.loads(learned).get("name") if learned is not None else None
    return listed or ""


# -- decision


def _context(pairs: tuple[str, ...]) -> dict[str, Any]:
    """
    Read `k=v`: numbers, true, false and null as JSON, all else as text.

    Raises:
        click.BadParameter: there is no `=`.
    """
    context: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not of the form name=value")
        try:
            context[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            context[name] = value
    return context


def _check_slot(slot: str, backend: Backend) -> None:
    policy = backend.policy()
    slots = [one.id for one in policy.slots] if policy is not None else []
    if slot not in slots:
        hint = nearest(slot, slots) or f"; it has: {', '.join(slots)}"
        raise ConfigurationError(f"the live policy has no slot `{slot}`{hint}")


def _show_decision(made: Decision) -> None:
    creative = f"{made.creative} " if made.creative and not made.items else ""
    chance = "" if made.propensity is None else f", propensity {made.propensity:.4f}"
    tell(f"{made.slot}: {creative}({made.reason}{chance})", style="bold")
    for name, value in made.content.items():
        if not made.items:
            tell(f"  {name}: {amount(value)}")
    if made.items:
        rows = table("#", "item", "content", "reason", "#propensity", "because")
        for item in made.items:
            rows.add_row(
                str(item.position + 1),
                item.item or "",
                " · ".join(amount(value) for value in item.content.values()),
                item.reason,
                "" if item.propensity is None else f"{item.propensity:.4f}",
                "; ".join(item.because),
            )
        console().print(rows)
    for sentence in made.explanation.because:
        tell(f"because {sentence}")
    if made.policy_version is not None:
        tell(f"decision {made.id}; more: clew explain {made.id}")


def _show_explanation(why: Explanation) -> None:
    for sentence in _told(why):
        tell(sentence)


def _told(why: Explanation) -> Iterator[str]:
    for used in why.data_used:
        plain = f" ({used.plain})" if used.plain else ""
        yield f"looked at {used.field}{plain}: {_short(used.value)}"
    for withheld in why.data_withheld:
        yield f"was not shown {withheld.field}: {withheld.reason}"
    if why.context_used:
        yield f"of the request: {', '.join(why.context_used)}"
    if why.method is not None:
        tried = ", to learn: another was expected to do better" if why.method.exploration else ""
        yield f"method {why.method.kind} of {why.method.name}, policy {why.method.version}{tried}"


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "shares" in value:
        return ", ".join(f"{key} {percent(share)}" for key, share in value["shares"].items())
    return amount(value)
