"""What no store can keep, refused alike by all of them before anything is written."""

from math import isfinite

from clew.errors import BackendRejectedError

__all__ = ["check_finite", "check_text", "no_text"]


def check_text(*texts: str) -> None:
    """
    Refuse text that is no Unicode: a lone surrogate has no UTF-8 (RFC 3629 section 3).

    Raises:
        BackendRejectedError: says which text and where in it.
    """
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise no_text(error) from error


def no_text(error: UnicodeEncodeError) -> BackendRejectedError:
    """Say of text that could not be encoded why it is refused and what to do."""
    return BackendRejectedError(
        f"{error.object!r} has a lone surrogate at position {error.start} and cannot be stored:"
        " decode its bytes with errors='replace' where they come in"
    )


def check_finite(*numbers: float) -> None:
    """
    Refuse NaN and infinities: databases change the first, and the second spoil every later sum.

    Raises:
        BackendRejectedError: says which number.
    """
    for number in numbers:
        if not isfinite(number):
            raise BackendRejectedError(f"{number} cannot be stored: give a finite number")
