"""
Text with holes in it: a strict subset of Liquid, compiled once and rendered per person.

`compile_template` says every fault of a template at once; `Template.render` never raises and never
leaves a hole empty. What a template may say is in `clew.templates.expressions` and
`clew.templates.blocks`, what its filters do in `clew.templates.filters`.
"""

from clew.templates.template import Template, compile_template

__all__ = ["Template", "compile_template"]
