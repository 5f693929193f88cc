"""`clew import`: rows of a file become signals, and what was done with each kind of row is said."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from clew.cli.connection import Connection, as_of_option, connected, json_option, policy_option
from clew.cli.show import console, print_json, several, table, tell
from clew.errors import ConfigurationError
from clew.integrations.importing import Report, check_import, import_file, load_map

__all__ = ["import_rows"]


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "map_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What the columns mean (schema import_map).",
)
@click.option(
    "--dead-letters",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where bad rows go; by default FILE.deadletter.ndjson in the working folder.",
)
@as_of_option
@policy_option
@json_option
@connected
@click.pass_context
def import_rows(
    ctx: click.Context,
    connection: Connection,
    *,
    file: Path,
    map_path: Path,
    dead_letters: Path | None,
    as_of: float | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """
    Import the rows of FILE (CSV or NDJSON, also gzipped).

    A row is taken once: the same file again changes nothing.
    """
    how = load_map(map_path)
    if policy_path is None and how.policy is not None and not how.policy.exists():
        raise ConfigurationError(
            f"{map_path} /policy: there is no {how.policy}, which is looked for beside the map; "
            "copy it too, correct the path, or name a --policy"
        )
    policy_path = policy_path or how.policy
    if connection.is_absent:  # what fails here leaves no empty database behind
        with Connection("memory://", connection.tenant).opened(policy=policy_path) as trial:
            check_import(file, how, trial)
    letters = dead_letters or Path(f"{file.name}.deadletter.ndjson")
    with (
        connection.opened(policy=policy_path, as_of=as_of) as backend,
        _progress(file) as progress,
    ):
        report = import_file(
            file,
            how,
            backend,
            tenant=connection.tenant,
            now=time.time() if as_of is None else as_of,
            dead_letters=letters,
            progress=progress,
        )
    if as_json:
        print_json(_document(report, letters))
    else:
        _tell(report, letters, grounded=how.map.ground is not None)
    if report.refused or report.bad == report.rows:
        ctx.exit(1)


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], Any]]:
    """Show on stderr how far the file is read, if somebody looks."""
    from rich.console import Console
    from rich.progress import Progress

    stderr = Console(file=sys.stderr)
    with Progress(console=stderr, disable=not stderr.is_terminal, transient=True) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
        yield lambda position: progress.update(task, completed=position)


def _tell(report: Report, letters: Path, *, grounded: bool) -> None:
    rows = table("kind", "#rows", "#applied", "#duplicate", "#refused", "signal", "what they are")
    for kind in report.kinds.values():
        counts = [f"{n:,}" for n in (kind.rows, kind.applied, kind.duplicate, kind.refused)]
        rows.add_row(kind.name, *counts, kind.signal or "left out", kind.plain or "")
    console().print(rows)
    for sentence in _sentences(report, letters, grounded=grounded):
        tell(sentence)


def _sentences(report: Report, letters: Path, *, grounded: bool) -> Iterator[str]:
    yield (
        f"{several(report.rows, 'row')}: {several(report.applied, 'signal')} applied, "
        f"{report.duplicate:,} duplicate, {report.refused:,} refused, "
        f"{several(report.left_out, 'row')} left out, {several(report.bad, 'bad row')}."
    )
    yield (
        f"{several(len(report.subjects), 'subject')}; "
        f"{several(report.without_subject, 'row')} without one, under "
        f"{several(len(report.anonymous), 'anonymous subject')}; "
        f"{several(report.consents, 'new consent record')}."
    )
    if report.repeated:
        yield (
            f"{several(report.repeated, 'exact repetition')} of an earlier row; "
            "each counts as its own."
        )
    if report.duplicate and not report.applied:
        yield "Everything was stored before: nothing changed."
    for cause, count in report.causes.items():
        yield f"{count:,} refused ({cause}): {report.messages.get(cause, cause)}."
    if "no_basis" in report.causes and not grounded:
        yield (
            "The map has no `ground`: without a ground for their purposes nothing is known of "
            "these people, so their rows may not be stored. Say on which ground you hold them, "
            'for example "ground": {"purposes": ["personalise"], "basis": "consent"}.'
        )
    if report.bad:
        yield f"Bad rows are in {letters}, each with what is wrong; first, {report.first_bad}."
    yield f"{report.rate:,.0f} signals per second ({report.seconds:.1f} s)."


def _document(report: Report, letters: Path) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "applied": report.applied,
        "duplicate": report.duplicate,
        "refused": report.refused,
        "left_out": report.left_out,
        "bad": report.bad,
        "first_bad": report.first_bad,
        "repeated": report.repeated,
        "without_subject": report.without_subject,
        "subjects": len(report.subjects),
        "anonymous_subjects": len(report.anonymous),
        "consents": report.consents,
        "causes": dict(report.causes),
        "kinds": [attrs.asdict(kind) for kind in report.kinds.values()],
        "dead_letters": str(letters) if report.bad else None,
        "seconds": report.seconds,
        "signals_per_second": report.rate,
    }
