"""`clew policy`: check, describe, build and publish what a team declares."""

import sys
from pathlib import Path

import click

from clew.cli.connection import Connection, connected, json_option
from clew.cli.show import print_json, tell
from clew.policy import build_bundle, check_policy, describe_policy, load_policy

__all__ = ["policy"]

_path = click.argument("path", type=click.Path(exists=True, path_type=Path))


@click.group()
def policy() -> None:
    """Work with a policy: a JSON file or a folder of them."""


@policy.command()
@_path
@json_option
@click.pass_context
def check(ctx: click.Context, path: Path, *, as_json: bool) -> None:
    """Tell every fault of the policy at PATH, with its file and place."""
    loaded = load_policy(path)
    problems = check_policy(loaded)
    if as_json:
        listed = [
            {"file": p.file, "pointer": p.pointer, "keyword": p.keyword, "message": p.message}
            for p in problems
        ]
        print_json({"problems": listed})
    elif problems:
        for problem in problems:
            tell(str(problem))
    else:
        tell(f"{path}: no faults; sha256 {loaded.sha256}")
    if problems:
        ctx.exit(1)


@policy.command()
@_path
def describe(path: Path) -> None:
    """Say in plain sentences what the policy at PATH does."""
    for sentence in describe_policy(load_policy(path).policy):
        tell(sentence)


@policy.command()
@_path
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def build(path: Path, output: Path | None) -> None:
    """Write the policy at PATH as one canonical file. Its digest goes to stderr."""
    loaded = load_policy(path)
    bundle = build_bundle(loaded)
    if output is None:
        sys.stdout.buffer.write(bundle)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(bundle)
    print(f"sha256 {loaded.sha256}", file=sys.stderr)


@policy.command()
@_path
@connected
def publish(connection: Connection, path: Path) -> None:
    """Store the policy at PATH and make it the live one."""
    loaded = load_policy(path)
    bundle = build_bundle(loaded)
    with connection.embedded() as backend:
        before = backend.shelf.live_name()
        backend.shelf.publish(bundle)
    instead = f" (before: {before})" if before is not None else ""
    live = loaded.policy
    tell(f"{live.id} {live.version} is live{instead}; sha256 {loaded.sha256}")
