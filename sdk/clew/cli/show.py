"""How answers are printed: tables for people, JSON for scripts, numbers as people write them."""

from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["age", "amount", "console", "percent", "print_json", "several", "table", "tell"]

_UNITS = (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0))

#: Piped output is not cut to the width of a screen.
_PIPED_WIDTH = 160


def console() -> Console:
    """Make a console on stdout as it is now."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def tell(sentence: str, *, style: str = "") -> None:
    """Print a sentence as it is, however long; brackets in it are no markup."""
    console().print(Text(sentence, style=style), soft_wrap=True)


def print_json(document: Any) -> None:
    """Print a document."""
    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def table(*columns: str, title: str | None = None) -> Table:
    """Make a table; a column whose name begins with `#` holds numbers."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        right = name.startswith("#")
        made.add_column(
            Text(name.removeprefix("#")), justify="right" if right else "left", overflow="fold"
        )
    return made


def amount(value: Any) -> str:
    """
    Write a value: numbers with thousands apart and at most two decimals, lists with commas.

    >>> amount(2539.2300000000014)
    '2,539.23'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.2f}".removesuffix(".00")
    if isinstance(value, list | tuple):
        return ", ".join(map(amount, value))
    return "" if value is None else str(value)


def percent(share: float | None, digits: int = 1) -> str:
    """
    Write a share as percent.

    >>> percent(0.0481)
    '4.8 %'
    """
    return "" if share is None else f"{100.0 * share:.{digits}f} %"


def several(number: int, what: str) -> str:
    """
    Write a number of things.

    >>> several(1, "row"), several(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def age(seconds: float) -> str:
    """
    Write a duration in its largest unit.

    >>> age(129180.0)
    '1.5 days'
    """
    for unit, size in _UNITS:
        if seconds >= size:
            number = f"{seconds / size:.1f}".removesuffix(".0")
            return f"{number} {unit}{'' if number == '1' else 's'}"
    return f"{seconds:.0f} seconds"
