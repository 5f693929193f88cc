"""`clew decide` and `clew explain`: what one person is shown, and why."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from clew.backends.base import Backend
from clew.cli.connection import Connection, as_of_option, connected, json_option, policy_option
from clew.cli.show import amount, console, print_json, table, tell
from clew.cli.subjects import Subject
from clew.cli.wording import Wording
from clew.codec import to_json
from clew.errors import ConfigurationError
from clew.model.decision import Decision, Explanation, ListItem
from clew.schema import nearest

__all__ = ["decide", "explain"]


class _Context(click.ParamType[tuple[str, Any]]):
    """`name=value`: numbers, true, false and null as JSON, all else as text."""

    name = "context"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        name, separator, text = value.partition("=")
        if not separator or not name:
            self.fail(f"{value!r} is not of the form name=value", param, ctx)
        try:
            return name, orjson.loads(text)
        except orjson.JSONDecodeError:
            return name, text


@click.command()
@click.argument("slot")
@click.option("--subject", required=True, type=Subject(), help="For whom.")
@click.option(
    "--context", multiple=True, type=_Context(), metavar="K=V", help="What the request tells."
)
@as_of_option
@policy_option
@json_option
@connected
def decide(
    connection: Connection,
    *,
    slot: str,
    subject: str,
    context: tuple[tuple[str, Any], ...],
    as_of: float | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """
    Decide what SUBJECT is shown in SLOT, and say why.

    The decision is recorded like any other; it counts when it is reported as displayed.
    """
    with connection.reading(policy=policy_path, as_of=as_of) as (client, backend):
        _check_slot(slot, backend)
        made = client.decide(slot, subject=subject, context=dict(context))
        if as_json:
            print_json(to_json(made))
        else:
            _tell(made)


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
            return
        _tell(found)
        for sentence in _reasons(found.explanation, Wording(backend, connection.tenant)):
            tell(sentence)


def _check_slot(slot: str, backend: Backend) -> None:
    policy = backend.policy()
    slots = [one.id for one in policy.slots] if policy is not None else []
    if slot not in slots:
        hint = nearest(slot, slots) or f"; it has: {', '.join(slots)}"
        raise ConfigurationError(f"the live policy has no slot `{slot}`{hint}")


def _tell(made: Decision) -> None:
    creative = f"{made.creative} " if made.creative and not made.items else ""
    tell(f"{made.slot}: {creative}({made.reason}{_chance(made)})", style="bold")
    if made.items:
        rows = table("#", "item", "content", "reason", "#propensity", "because")
        for item in made.items:
            rows.add_row(*_cells(item))
        console().print(rows)
    else:
        for name, value in made.content.items():
            tell(f"  {name}: {amount(value)}")
    for sentence in made.explanation.because:
        tell(f"because {sentence}")
    if made.policy_version is not None:
        tell(f"decision {made.id}; more: clew explain {made.id}")


def _chance(made: Decision) -> str:
    return "" if made.propensity is None else f", propensity {made.propensity:.4f}"


def _cells(item: ListItem) -> Iterator[str]:
    yield str(item.position + 1)
    yield item.item or ""
    yield " · ".join(amount(value) for value in item.content.values())
    yield item.reason
    yield "" if item.propensity is None else f"{item.propensity:.4f}"
    yield "; ".join(item.because)


def _reasons(why: Explanation, wording: Wording) -> Iterator[str]:
    for used in why.data_used:
        plain = f" ({used.plain})" if used.plain else ""
        value = wording.value(used.field, used.value, between=", ")
        yield f"looked at {used.field}{plain}: {value}"
    for withheld in why.data_withheld:
        yield f"was not shown {withheld.field}: {withheld.reason}"
    if why.context_used:
        yield f"of the request: {', '.join(why.context_used)}"
    if why.method is not None:
        tried = ", to learn: another was expected to do better" if why.method.exploration else ""
        yield f"method {why.method.kind} of {why.method.name}, policy {why.method.version}{tried}"
