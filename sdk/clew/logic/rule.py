"""
Compiled rules: JSONLogic in the profile "clew-1".

The classic operators of https://jsonlogic.com (without `log`, which has an effect), flagd's
starts_with, ends_with, sem_ver and fractional, and null-safe ordering. A rule is checked whole when
it is compiled and never raises when it is evaluated, whatever the data.
"""

from collections.abc import Callable
from typing import Any

from clew.errors import DocumentError
from clew.logic.meter import BUDGET, Exhausted, Meter
from clew.logic.operators import OPERATORS
from clew.logic.operators.operator import Evaluate
from clew.logic.parsing import Parser
from clew.logic.reads import literals, reads
from clew.logic.tree import Array, Call, Literal, Node, walk

__all__ = ["Rule", "compile_rule"]


class Rule:
    """
    A compiled rule: call it with data, get a JSON value.

    It holds no state of an evaluation, so threads may share it. What it returns may be part of the
    data or of the rule itself: read it, do not change it.
    """

    __slots__ = ("_evaluate", "_metered", "exhausted", "literals", "reads", "source", "tree")

    def __init__(self, source: Any, tree: Node) -> None:
        #: The JSON it was compiled from.
        self.source = source
        #: What the JSON means; for those who explain rules.
        self.tree = tree
        #: A superset of the paths it can read, dotted; "" when that may be anything.
        self.reads = reads(tree)
        #: The texts it compares with or gives.
        self.literals = literals(tree)
        #: How many evaluations ended with null because the budget was spent.
        self.exhausted = 0
        self._evaluate = _compile(tree)
        self._metered = any(
            isinstance(node, Call) and OPERATORS[node.operator].metered for node in walk(tree)
        )

    def __call__(self, data: Any) -> Any:
        """
        Evaluate the rule: never raises, and gives null once the budget is spent.

        Args:
            data: JSON; objects may be subclasses of dict that compute entries in `__missing__`.
        """
        if not self._metered:
            return self._evaluate(data, None)
        try:
            return self._evaluate(data, Meter(BUDGET))
        except Exhausted:
            self.exhausted += 1
            return None

    def __repr__(self) -> str:
        return f"<Rule {self.source!r}>"


def compile_rule(rule: Any, *, pointer: str = "") -> Rule:
    """
    Check and compile a rule.

    Args:
        rule: the rule as JSON; it must not be changed afterwards.
        pointer: where it stands in its document (JSON Pointer), for the problems.

    Raises:
        DocumentError: it is no rule of this profile; with every problem and its place.

    >>> compile_rule({">=": [{"var": "computed.views_30d"}, 3]})({"computed": {"views_30d": 4}})
    True
    """
    parser = Parser()
    tree = parser.parse(rule, pointer)
    if parser.problems:
        raise DocumentError("rule", parser.problems)
    return Rule(rule, tree)


def _compile(node: Node) -> Evaluate:
    match node:
        case Literal(value):
            return lambda _data, _meter: value
        case Array(items):
            return _array(tuple(map(_compile, items)))
        case Call(operator, args):
            return OPERATORS[operator].build(args, _compile)


def _array(parts: tuple[Callable[[Any, Meter | None], Any], ...]) -> Evaluate:
    def build(data: Any, meter: Meter | None) -> list[Any]:
        values = [part(data, meter) for part in parts]
        if meter is not None:
            meter.spend_values(values)
        return values

    return build
