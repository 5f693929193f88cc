"""The command line: `clew`. Its libraries come with the extra `cli`."""

import sys

from clew.loading import lacking

__all__ = ["main"]


def main() -> None:
    """Run the command line; exits with 2 where its libraries are not installed."""
    try:
        import click  # noqa: F401 - only to see that they are there
        import rich  # noqa: F401
    except ImportError as error:
        print(f"clew: {lacking(error.name, 'cli')}", file=sys.stderr)
        raise SystemExit(2) from None
    from clew.cli.app import app

    app()
