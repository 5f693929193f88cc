"""A compiled template, and how one is made: everything but the filling of holes happens here."""

from typing import Any

from attrs import field, frozen

from clew.errors import DocumentError, Problem
from clew.templates.blocks import Blocks
from clew.templates.expressions import Expressions
from clew.templates.paths import Value
from clew.templates.scan import Fault, pieces, place
from clew.templates.values import MAX_TEXT

__all__ = ["Template", "compile_template"]


@frozen
class Template:
    """A compiled template; equal to another of the same source and escaping."""

    source: str
    #: Whether what is put into the text is escaped for HTML; the text itself never is.
    escape: bool
    #: The dotted paths rendering may read, each standing for everything under it.
    reads: frozenset[str] = field(eq=False)
    #: Whether there is neither an output nor a choice, so that everyone gets the same text.
    is_static: bool = field(eq=False)
    _render: Value = field(eq=False, repr=False)

    def render(self, view: Any) -> str | None:
        """
        Fill the holes from a view, a mapping of JSON values.

        Returns None when a hole has neither a value nor a default, or when the text would be
        longer than 65,536 characters: another creative is better than "Your  again?". No data
        makes it raise; a mapping that computes its values signals a miss by `KeyError`.
        """
        text: str | None = self._render(view)
        return text


def compile_template(text: str, *, escape: bool = False, pointer: str = "") -> Template:
    """
    Compile a template.

    With `escape`, whatever an output prints is escaped for HTML elements and quoted attributes,
    and the filter `escape` does nothing more. `pointer` is the JSON Pointer (RFC 6901) of the
    template in its document, for the errors.

    Raises:
        DocumentError: the template is not in the subset; each fault with its line and column.
    """
    if len(text) > MAX_TEXT:
        message = f"the template has {len(text)} characters: shorten it to {MAX_TEXT}"
        raise DocumentError("template", [Problem(pointer, "too_long", message)])
    expressions = Expressions(escaped=escape)
    blocks = Blocks(expressions)
    faults: list[Fault] = []
    for piece in pieces(text):
        try:
            blocks.add(piece)
        except Fault as fault:
            faults.append(fault)
    faults += blocks.unclosed()
    if faults:
        faults.sort(key=lambda fault: fault.offset)
        raise DocumentError("template", [_problem(fault, text, pointer) for fault in faults])
    return Template(
        source=text,
        escape=escape,
        reads=frozenset(expressions.reads),
        is_static=blocks.is_static,
        render=blocks.compiled(),
    )


def _problem(fault: Fault, text: str, pointer: str) -> Problem:
    where = place(text, fault.offset)
    return Problem(pointer, fault.keyword, f"{where}: {fault.message}")
