"""Numbers and instants as people write them."""

import math
from datetime import datetime

from clew.model.measurement import Effect

__all__ = ["counted", "decimals", "moment", "percent", "signed", "signed_percent", "spaced"]

_DECIMALS_MAX = 6


def counted(number: float) -> str:
    """
    Write a count, or a sum.

    >>> counted(12345), counted(812.5)
    ('12,345', '812.5')
    """
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def signed(value: float, digits: int) -> str:
    """
    Write a difference: it has its sign, and minus is as wide as plus.

    >>> signed(0.1234, 2), signed(-0.1234, 2)
    ('+0.12', '−0.12')
    """
    return f"{value:+,.{digits}f}".replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """
    Write a share.

    >>> percent(0.0481)
    '4.8 %'
    """
    return f"{100.0 * share:,.{digits}f} %"


def signed_percent(share: float) -> str:
    """
    Write a relative difference.

    >>> signed_percent(-0.25)
    '−25.0 %'
    """
    return f"{signed(100.0 * share, 1)} %"


def decimals(effect: Effect) -> int:
    """
    Say how many decimals an effect is worth: a fifth of its interval's width is still seen.

    >>> decimals(Effect(estimate=0.12, lower=0.09, upper=0.15))
    2
    """
    width = effect.upper - effect.lower
    if not 0.0 < width < math.inf:
        return _DECIMALS_MAX
    return min(max(math.ceil(-math.log10(width / 5.0)), 0), _DECIMALS_MAX)


def moment(at: datetime) -> str:
    """
    Write an instant.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 4, 1, 9, 30, tzinfo=UTC))
    '1 Apr 2026, 09:30:00 UTC'
    """
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def spaced(word: str) -> str:
    """
    Write a name as words.

    >>> spaced("still_measuring")
    'still measuring'
    """
    return word.replace("_", " ")
