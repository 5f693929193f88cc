"""
Where the toppings of a pizza lie: by chance, and always the same for the same pizza.

The places follow a sunflower, which fills a circle evenly without rows, and are shaken a little.
Source: Vogel, "A better way to construct the sunflower head", Mathematical Biosciences 44, 1979.
"""

import math
from functools import cache
from random import Random

from markupsafe import Markup

from .catalogue import Product

__all__ = ["toppings"]

_GOLDEN = math.pi * (3 - math.sqrt(5))

#: Radius of the part of the pizza that is covered; the pizza's own is 100.
_RADIUS = 70.0
_PIECES = 26
_SHAKE = 5.0


_PIECE = Markup('<use href="#{}" transform="translate({} {}) rotate({}) scale({})"/>')


@cache  # a pizza looks as it does
def toppings(pizza: Product) -> Markup:
    """Deal a pizza's toppings out, round about its centre; as SVG."""
    chance = Random(pizza.sku)  # noqa: S311 - a picture
    drawn = Markup()
    for n in range(_PIECES):
        radius = _RADIUS * math.sqrt((n + 0.5) / _PIECES)
        angle = n * _GOLDEN
        drawn += _PIECE.format(
            pizza.toppings[n % len(pizza.toppings)],
            round(radius * math.cos(angle) + chance.uniform(-_SHAKE, _SHAKE), 1),
            round(radius * math.sin(angle) + chance.uniform(-_SHAKE, _SHAKE), 1),
            chance.randrange(360),
            round(chance.uniform(0.85, 1.15), 2),
        )
    return drawn
