"""The operators of the profile "clew-1", one module per kind."""

from clew.logic.operators import (
    arithmetic,
    arrays,
    choosing,
    comparing,
    fractional,
    reading,
    strings,
    versions,
)
from clew.logic.operators.operator import Operator

__all__ = ["OPERATORS"]

#: Every operator by its name.
OPERATORS: dict[str, Operator] = {
    **reading.OPERATORS,
    **choosing.OPERATORS,
    **comparing.OPERATORS,
    **arithmetic.OPERATORS,
    **strings.OPERATORS,
    **arrays.OPERATORS,
    **versions.OPERATORS,
    **fractional.OPERATORS,
}
