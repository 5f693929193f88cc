"""
Versions: sem_ver.

`{"sem_ver": [version, operator, version]}` compares by Semantic Versioning 2.0.0 section 11 with
= != < <= > >=, ^ (same major) and ~ (same major and minor). A leading "v" is allowed, and "1" and
"1.2" stand for "1.0.0" and "1.2.0". What is no version compares false, with != too.
Source: flagd (https://flagd.dev/reference/custom-operations/semver-operation/).
"""

import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from clew.logic.operators.operator import Build, Evaluate, Fault, Operator, eager
from clew.logic.tree import Literal, Node

__all__ = ["OPERATORS"]

# Numbers of at most 18 digits: a longer one is no version but an attack on int().
_NUMBER = r"(0|[1-9][0-9]{0,17})"
_NAME = r"(?:0|[1-9][0-9]{0,17}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}"
    rf"(?:-({_NAME}(?:\.{_NAME})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?"
)
_LONGEST = 256

#: Major, minor, patch; then whether it is a release, and the names of the pre-release: numbers
#: before texts, each among their like.
_Key: TypeAlias = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]

_COMPARE: dict[str, Callable[[_Key, _Key], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^": lambda one, other: one[0][:1] == other[0][:1],
    "~": lambda one, other: one[0][:2] == other[0][:2],
}


@lru_cache(maxsize=1024)
def _key(version: str) -> _Key | None:
    """What a version sorts by; None when the text is no version."""
    match = _VERSION.fullmatch(version) if len(version) <= _LONGEST else None
    if match is None:
        return None
    major, minor, patch, names = match.groups()
    parts = names.split(".") if names else []
    return (
        (int(major), int(minor or 0), int(patch or 0)),
        not parts,
        tuple((False, int(p), "") if p.isdecimal() else (True, 0, p) for p in parts),
    )


def _compare(version: Any, sign: Any, other: Any) -> bool:
    if not (isinstance(version, str) and isinstance(sign, str) and isinstance(other, str)):
        return False
    one, two, compare = _key(version), _key(other), _COMPARE.get(sign)
    return one is not None and two is not None and compare is not None and compare(one, two)


def _sem_ver(args: tuple[Node, ...], build: Build) -> Evaluate:
    return eager(_compare)(args, build)


def _check(args: tuple[Node, ...]) -> Iterator[Fault]:
    sign = args[1]
    if not isinstance(sign, Literal) or sign.value not in list(_COMPARE):
        yield Fault(1, "version_operator", f"write one of {' '.join(_COMPARE)} here")
    for place in (0, 2):
        node = args[place]
        if isinstance(node, Literal) and not _is_version(node.value):
            yield Fault(place, "version", f"{node.value!r} is no version: write one as '1.2.0'")


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and _key(value) is not None


OPERATORS = {"sem_ver": Operator(_sem_ver, 3, 3, _check)}
