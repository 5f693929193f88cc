"""Random rules and random data for the properties of `clew.logic`."""

import math

from hypothesis import strategies as st

from clew.logic.operators import OPERATORS

NAMES = ("a", "b", "1", "current", "accumulator")
PATHS = st.lists(st.sampled_from(NAMES), max_size=3).map(".".join) | st.integers(0, 3) | st.none()
#: Numbers that hurt, texts that read as numbers, texts that encode badly.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(15, 300).map(lambda digits: 10**digits)
    | st.sampled_from([-(2**53), 2**53 + 1, 1e308, 5e-324, -0.0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["1", " 2.5 ", "1e999", "\ud800", "1.2.3", "9" * 70, "a", "b"])
)
JSON = st.recursive(
    SCALARS | st.integers(301, 400).map(lambda digits: 10**digits),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=15,
)
_EQUALITIES = ("==", "===", "!=", "!==")


@st.composite
def _calls(draw, inner):
    """An operator over *inner* rules, with as many arguments as it may take."""
    name = draw(st.sampled_from(sorted(OPERATORS)))
    operator = OPERATORS[name]
    most = operator.least + 2 if operator.most is None else operator.most
    args = draw(st.lists(inner, min_size=operator.least, max_size=most))
    if name in _EQUALITIES:
        args = [{"cat": arg} if isinstance(arg, list) else arg for arg in args]
    elif name in ("var", "missing"):
        args = draw(_paths(args))
    elif name == "missing_some":
        args[1] = draw(_paths(args[1:]))
    elif name == "sem_ver":
        sign = draw(st.sampled_from(["=", "!=", "<", "^", "~"]))
        args = [{"cat": args[0]}, sign, {"cat": args[2]}]
    elif name == "fractional":
        args = [{"cat": args[0]}, [args[1], 3], ["b"]]
    return {name: args}


@st.composite
def _paths(draw, args):
    """The arguments of an operator that reads: a path or a computed one first."""
    first = draw(PATHS) if draw(st.booleans()) else {"if": args}
    return [first, *args[1:]]


RULES = st.recursive(
    SCALARS | PATHS.map(lambda path: {"var": path}),
    lambda inner: _calls(inner) | st.lists(inner, max_size=3),
    max_leaves=12,
)


def is_json(value):
    """Whether a value is JSON, all of its numbers finite."""
    if isinstance(value, list):
        return all(map(is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(part) for key, part in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)
