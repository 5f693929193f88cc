"""
A rule as a plain English sentence, for those whom it concerns.

Conditions people write become clauses ("views_30d is at least 3 and the channel is web"); what only
programmers write stays compact JSON, so that every rule can be described and none is misdescribed.
A clause knows two forms, stated and negated: "not at least 3" is said as such, since a missing
value is neither at least 3 nor less.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

from clew.logic.operators.reading import literal_paths, path_of
from clew.logic.rule import Rule
from clew.logic.tree import Array, Call, Literal, Node, elements
from clew.logic.values import text

__all__ = ["describe"]

_Args: TypeAlias = tuple[Node, ...]


class _Clause(Protocol):
    """Says a call as a condition, or as its negation."""

    def __call__(self, call: Call, *, stated: bool) -> str: ...


# Parts of the profile that need no naming: a reader knows the trait by its own name.
_TRAITS = frozenset({"declared", "observed", "computed", "predicted", "traits"})
_PLAIN = re.compile(r"[\w.@%€$£/:+-]+")
# Longer lists are cut: a sentence is to be read.
_LONGEST_LIST = 8

_EQUAL = {"==": True, "===": True, "!=": False, "!==": False}
_ORDER = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_VERSION = {
    "=": "version",
    "!=": "another version than",
    "<": "a version before",
    "<=": "at most version",
    ">": "a version after",
    ">=": "at least version",
    "^": "of the major version of",
    "~": "of the minor version of",
}


def describe(rule: Rule) -> str:
    """
    Say in one sentence when a rule holds, or what it gives.

    >>> from clew.logic import compile_rule
    >>> describe(compile_rule({"in": ["keen", {"var": "segments"}]}))
    'in segment keen'
    """
    return _clause(rule.tree)


def _clause(node: Node, *, stated: bool = True) -> str:
    """The node as a condition, or as its negation."""
    if isinstance(node, Call) and node.operator in _CLAUSES:
        return _CLAUSES[node.operator](node, stated=stated)
    if isinstance(node, Literal) and isinstance(node.value, bool):
        return "always" if node.value is stated else "never"
    if isinstance(node, Call) and node.operator == "var":
        return f"{_noun(node)} {_verb('is', stated=stated)} set"
    return _noun(node) if stated else f"not ({_noun(node)})"


def _noun(node: Node) -> str:
    """The node as a value."""
    if isinstance(node, Literal):
        return _literal(node.value)
    if isinstance(node, Call) and node.operator in _NOUNS:
        return _NOUNS[node.operator](node)
    if isinstance(node, Call) and node.operator in _CLAUSES:
        return f"({_clause(node)})"
    return json.dumps(_source(node), ensure_ascii=False, separators=(",", ":"))


def _literal(value: Any) -> str:
    if isinstance(value, list):
        shown = [_literal(one) for one in value[:_LONGEST_LIST]]
        more = len(value) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "") if value else "nothing"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return "nothing" if value is None else text(value) or ""


def _path(path: str) -> str:
    """A path as people call what lies there."""
    area, _, name = path.partition(".")
    if not path:
        return "it"
    if name and area in _TRAITS:
        return name
    if name and area == "context":
        return f"the {name}"
    return path


def _verb(verb: str, *, stated: bool) -> str:
    if verb == "is":
        return "is" if stated else "is not"
    return f"{verb}s" if stated else f"does not {verb}"


def _listed(parts: Iterable[str], word: str) -> str:
    """Parts as "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last


def _joined(call: Call, *, stated: bool) -> str:
    """Clauses under and/or; the other of the two in brackets."""
    said = [
        f"({_clause(arg)})" if _is_joint(arg) and len(call.args) > 1 else _clause(arg)
        for arg in call.args
    ]
    whole = f" {call.operator} ".join(said)
    return whole if stated else f"not ({whole})"


def _is_joint(node: Node) -> bool:
    return isinstance(node, Call) and node.operator in ("and", "or", "if", "?:")


def _negation(call: Call, *, stated: bool) -> str:
    return _clause(call.args[0], stated=stated is (call.operator == "!!"))


def _equality(call: Call, *, stated: bool) -> str:
    one, other = call.args
    if isinstance(one, Literal):
        one, other = other, one
    same = _EQUAL[call.operator] is stated
    if isinstance(other, Literal) and other.value is None:
        return f"{_noun(one)} is {'missing' if same else 'given'}"
    return f"{_noun(one)} {_verb('is', stated=same)} {_noun(other)}"


def _ordering(call: Call, *, stated: bool) -> str:
    operator, args = call.operator, call.args
    if len(args) > 2:  # noqa: PLR2004 - low, middle, high
        return _between(call, stated=stated)
    if isinstance(args[0], Literal):
        operator, args = _MIRRORED[operator], args[::-1]
    return f"{_noun(args[0])} {_verb('is', stated=stated)} {_ORDER[operator]} {_noun(args[1])}"


def _between(call: Call, *, stated: bool) -> str:
    low, middle, high = map(_noun, call.args)
    first, second = _ORDER[_MIRRORED[call.operator]], _ORDER[call.operator]
    return f"{middle} {_verb('is', stated=stated)} {first} {low} and {second} {high}"


def _membership(call: Call, *, stated: bool) -> str:
    needle, place = call.args
    if place == Call("var", (Literal("segments"),)):
        return f"{'in' if stated else 'not in'} segment {_noun(needle)}"
    if elements(place) is not None:
        return f"{_noun(needle)} {_verb('is', stated=stated)} one of {_noun(place)}"
    return f"{_noun(place)} {_verb('contain', stated=stated)} {_noun(needle)}"


def _missing(call: Call, *, stated: bool) -> str:
    paths = literal_paths(call.args)
    if not paths:
        return f"{'something' if stated else 'nothing'} is missing of {_computed(call.args)}"
    names = list(map(_path, paths))
    if stated:
        return f"{_listed(names, 'or')} is missing"
    return f"{_listed(names, 'and')} {'is' if len(names) == 1 else 'are'} given"


def _missing_some(call: Call, *, stated: bool) -> str:
    paths = literal_paths(call.args[1:])
    names = ", ".join(map(_path, paths)) if paths else _computed(call.args[1:])
    return f"{'fewer than' if stated else 'at least'} {_noun(call.args[0])} of {names} are given"


def _computed(args: _Args) -> str:
    return ", ".join(map(_noun, args)) or "nothing"


def _affix(call: Call, *, stated: bool) -> str:
    value, affix = map(_noun, call.args)
    return f"{value} {_verb(call.operator.removesuffix('s_with'), stated=stated)} with {affix}"


def _version(call: Call, *, stated: bool) -> str:
    version, sign, other = call.args
    how = _VERSION[sign.value] if isinstance(sign, Literal) else _noun(sign)
    return f"{_noun(version)} {_verb('is', stated=stated)} {how} {_noun(other)}"


def _quantified(call: Call, *, stated: bool) -> str:
    items, body = call.args
    how = {"some": "at least one", "all": "each", "none": "none"}[call.operator]
    whole = f"{how} of {_noun(items)} fits ({_clause(body)})"
    return whole if stated else f"not ({whole})"


def _var(call: Call) -> str:
    if not call.args:
        return "it"
    path, *default = call.args
    name = (
        _path(path_of(path.value) or "")
        if isinstance(path, Literal)
        else f"what {_noun(path)} names"
    )
    return f"{name} ({_noun(default[0])} when missing)" if default else name


def _choice(call: Call) -> str:
    args = call.args
    said = [
        f"if {_clause(when)} then {_noun(then)}"
        for when, then in zip(args[::2], args[1::2], strict=False)
    ]
    if len(args) % 2:
        said.append(f"otherwise {_noun(args[-1])}" if said else _noun(args[-1]))
    return ", ".join(said) or "nothing"


def _arithmetic(call: Call) -> str:
    if len(call.args) == 1:
        return f"{'minus ' if call.operator == '-' else ''}{_noun(call.args[0])}"
    return f"({f' {call.operator} '.join(map(_noun, call.args))})"


def _extreme(call: Call) -> str:
    which = "largest" if call.operator == "max" else "smallest"
    return f"the {which} of {_listed(map(_noun, call.args), 'and')}"


def _text(call: Call) -> str:
    return f"the text {' + '.join(map(_noun, call.args))}" if call.args else '""'


def _share(call: Call) -> str:
    """Shares of a text's hash, in percent."""
    shares = [elements(node) or () for node in call.args[1:]]
    weights = [_weight(share) for share in shares]
    total = sum(weights)
    said = [
        f"{_noun(share[0])} for {100 * weight / total:.4g}%"
        for share, weight in zip(shares, weights, strict=True)
    ]
    return f"by the hash of {_noun(call.args[0])}: {', '.join(said)}"


def _weight(share: _Args) -> int:
    given = share[1] if len(share) > 1 else Literal(1)
    return int(given.value) if isinstance(given, Literal) else 0


def _source(node: Node) -> Any:
    """The node as JSON again."""
    match node:
        case Literal(value):
            return value
        case Array(items):
            return [_source(item) for item in items]
        case Call(operator, (Call() | Literal(str() | bool() | int() | float()) as only,)):
            return {operator: _source(only)}
        case Call(operator, args):
            return {operator: [_source(arg) for arg in args]}


_CLAUSES: dict[str, _Clause] = {
    **dict.fromkeys(("and", "or"), _joined),
    **dict.fromkeys(("!", "!!"), _negation),
    **dict.fromkeys(_EQUAL, _equality),
    **dict.fromkeys(_ORDER, _ordering),
    "in": _membership,
    "missing": _missing,
    "missing_some": _missing_some,
    **dict.fromkeys(("starts_with", "ends_with"), _affix),
    "sem_ver": _version,
    **dict.fromkeys(("some", "all", "none"), _quantified),
}

_NOUNS: dict[str, Callable[[Call], str]] = {
    "var": _var,
    **dict.fromkeys(("if", "?:"), _choice),
    **dict.fromkeys(("+", "-", "*", "/", "%"), _arithmetic),
    **dict.fromkeys(("max", "min"), _extreme),
    "cat": _text,
    "fractional": _share,
}
