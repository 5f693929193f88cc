"""
All commands under one name, and how they fail: one clear line on stderr, never a traceback.

Exit codes: 0 done; 1 it could not be done, or something was found wrong; 2 the command line itself
is wrong; 130 broken off by Ctrl-C.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from clew.cli.deadletters import deadletter
from clew.cli.deciding import decide, explain
from clew.cli.demo import demo
from clew.cli.doctor import doctor
from clew.cli.importing import import_rows
from clew.cli.keys import key
from clew.cli.measuring import measure
from clew.cli.people import profile
from clew.cli.policies import policy
from clew.cli.serving import serve
from clew.errors import ClewError

__all__ = ["app"]


#: Tells of facts that wait for other clients, as `clew doctor` does in its own words.
_OTHERS = logging.getLogger("clew.others")


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Have a log say nothing for as long as the block lasts."""
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Commands(click.Group):
    """A group whose failures are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what clew or the system refuses becomes a message."""
        try:
            with _silent(_OTHERS):
                return super().invoke(ctx)
        except BrokenPipeError:
            sys.exit(0)  # whoever read our output has enough
        except (ClewError, OSError) as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(_said(error)) from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run the command line and exit."""
        try:
            options["standalone_mode"] = False
            code = super().main(args, *rest, **options)
        except click.Abort:
            print("clew: broken off", file=sys.stderr)
            sys.exit(130)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            print(f"clew: {error.format_message()}{_where_to_look(error)}", file=sys.stderr)
            sys.exit(error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _where_to_look(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" (see {context.command_path} --help)" if context is not None else ""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clew", prog_name="clew")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def app(*, debug: bool) -> None:
    """Signals in, decisions out, outcomes back, lift you can believe."""


for command in (
    import_rows,
    policy,
    profile,
    decide,
    explain,
    measure,
    deadletter,
    doctor,
    demo,
    serve,
    key,
):
    app.add_command(command)
