"""
What a rule can read and what it names, known before it runs.

Used to find what a change of data can affect and to check a policy; never to mask data, which is
done on the data itself.
"""

from collections.abc import Sequence

from clew.logic.operators.reading import literal_paths, path_of
from clew.logic.tree import Array, Call, Literal, Node, elements

__all__ = ["literals", "reads"]

_EVERYTHING = ("",)


def reads(node: Node) -> frozenset[str]:
    """
    The paths a rule can read, or more: everything read lies on, above or below one of them.

    "" is all of the data, and stands for any path that is computed.
    """
    paths: Sequence[str] = ()
    below: Sequence[Node] = ()
    match node:
        case Call("var", (Literal(value), *default)):
            paths, below = [path_of(value) or ""], default
        case Call("var", args):
            paths, below = _EVERYTHING, args
        case Call("missing", args) | Call("missing_some", (Literal(), *args)):
            paths = literal_paths(tuple(args)) or (_EVERYTHING if args else ())
        case Call("missing_some"):
            paths = _EVERYTHING
        # The body reads elements only, and they lie below what the array reads.
        case Call("map" | "filter" | "all" | "none" | "some", (array, _)):
            below = [array]
        case Call("reduce", (array, _, *start)):
            below = [array, *start]
        case Call(_, parts) | Array(parts):
            below = parts
    return frozenset(paths).union(*map(reads, below))


def literals(node: Node) -> frozenset[str]:
    """The texts a rule compares with or gives, paths left out."""
    texts: Sequence[str] = ()
    below: Sequence[Node] = ()
    match node:
        case Literal(str(value)):
            texts = [value]
        case Literal():
            below = elements(node) or ()
        case Call("var", (Literal(), *default)):
            below = default
        case Call("missing", args) | Call("missing_some", (_, *args)) if literal_paths(tuple(args)):
            pass
        case Call(_, parts) | Array(parts):
            below = parts
    return frozenset(texts).union(*map(literals, below))
