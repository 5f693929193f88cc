"""The id of a person as a word of the command line."""

from typing import Any

import click

from clew.model.limits import ID_MAX

__all__ = ["Subject"]


class Subject(click.ParamType[str]):
    """The id of a person, as documents have it."""

    name = "subject"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take it as it is; refuse what is no id."""
        if not 1 <= len(value) <= ID_MAX:
            self.fail(f"a subject has 1 to {ID_MAX} characters, not {len(value)}", param, ctx)
        return str(value)
