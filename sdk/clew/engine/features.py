"""
From what a rule may see to a sparse vector of numbers, the x that learning is about.

A slot declares paths into the masked view (`context.channel`, `computed.views_30d`); each becomes
few bounded numbers, so no unit and no outlier rules the model, and nothing has to be fitted first:

=====================  ==========================  =============================================
value at the path      name                        number
=====================  ==========================  =============================================
(always)               `1`                         1, the bias
boolean                `path`                      0 or 1
number v               `path`                      sign(v) · log2(1 + |v|) / 5, at most 3
text                   `path=text`                 1 (the text's first 64 characters)
list of texts          `path=text` each            1/√n for the first n ≤ 8 distinct ones
affinity               `path=key` each             its share, the 8 greatest
absent, null, empty    `path?`                     1
=====================  ==========================  =============================================

A number's x grows by a fifth per doubling: 1 gives 0.2, 31 gives 1 and 32,767 or more gives 3. A
list has norm 1 however long it is. Zeros are left out. What is none of these (a nested object,
not-a-number) counts as absent.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from attrs import frozen

__all__ = ["BIAS", "Features", "compile_features"]

#: The name of the feature that is always 1.
BIAS = "1"

#: Raised with any change to the table above: learned state of another version is not comparable.
_VERSION = 1

_MAX_TEXT = 64
_MAX_NAMES = 8
_MAX_NUMBER = 32_767.0
_DOUBLINGS = 5.0

_NUMBER = (int, float)
_LIST = (list, tuple)


@frozen
class Features:
    """The declared features of a slot, ready to be read off a view."""

    #: The paths in canonical order: sorted, without repeats.
    paths: tuple[str, ...]
    #: Names paths and transformation; two slots of one digest have comparable vectors.
    digest: str
    #: Of each path, its name, that of its absence, and the keys to look up one after another.
    _steps: tuple[tuple[str, str, tuple[str, ...]], ...]

    def vector(self, view: Mapping[str, Any]) -> dict[str, float]:
        """
        The features of one view by name, in the order of the paths.

        Args:
            view: nested mappings; a missing key raises KeyError, or computes the value.
        """
        x = {BIAS: 1.0}
        for path, absent, steps in self._steps:
            value = _look_up(view, steps)
            if value is None or not _encode(x, path, value):
                x[absent] = 1.0
        return x


def compile_features(paths: Sequence[str]) -> Features:
    """Prepare the dotted paths that a slot declares as its features; their order is no matter."""
    canonical = tuple(sorted(set(paths)))
    law = json.dumps([_VERSION, canonical], ensure_ascii=False, separators=(",", ":"))
    return Features(
        paths=canonical,
        digest=hashlib.sha256(law.encode()).hexdigest()[:16],
        steps=tuple((path, f"{path}?", tuple(path.split("."))) for path in canonical),
    )


def _look_up(view: Any, steps: tuple[str, ...]) -> Any:
    # Subscribing, not `get`: only that lets a lazy mapping compute what is asked for.
    try:
        for step in steps:
            view = view[step]
    except (KeyError, TypeError):
        return None
    return view


def _encode(x: dict[str, float], path: str, value: Any) -> bool:
    """Add the features of one value, none of a zero; whether the value says anything."""
    if isinstance(value, str):
        if value:
            x[f"{path}={value[:_MAX_TEXT]}"] = 1.0
        return bool(value)
    if isinstance(value, bool):
        if value:
            x[path] = 1.0
        return True
    if isinstance(value, _NUMBER):
        return _number(x, path, value)
    if isinstance(value, _LIST):
        return _several(x, path, value)
    if isinstance(value, dict):
        return _affinity(x, path, value.get("shares"))
    return False


def _number(x: dict[str, float], path: str, value: float) -> bool:
    # Bounding first spares the logarithm from infinity and from integers wider than a float.
    magnitude = math.log2(1.0 + min(abs(value), _MAX_NUMBER)) / _DOUBLINGS
    if math.isnan(magnitude):
        return False
    if magnitude:  # what is too small for the logarithm to tell from zero is zero
        x[path] = -magnitude if value < 0 else magnitude
    return True


def _several(x: dict[str, float], path: str, values: Sequence[Any]) -> bool:
    texts = dict.fromkeys([text[:_MAX_TEXT] for text in values if isinstance(text, str) and text])
    if not texts:
        return False
    weight = 1.0 / math.sqrt(min(len(texts), _MAX_NAMES))
    x.update({f"{path}={text}": weight for text in islice(texts, _MAX_NAMES)})
    return True


def _affinity(x: dict[str, float], path: str, shares: Any) -> bool:
    if not isinstance(shares, dict) or not shares:
        return False
    if len(shares) > _MAX_NAMES:
        shares = dict(sorted(shares.items(), key=_falling)[:_MAX_NAMES])
    named = {f"{path}={key[:_MAX_TEXT]}": min(share, 1.0) for key, share in shares.items() if share}
    x.update(named)
    return True


def _falling(entry: tuple[str, float]) -> tuple[float, str]:
    key, share = entry
    return -share, key
