"""Default creatives: they are shown whatever happens, so nothing may be missing for them."""

from collections.abc import Iterator

from clew.errors import Problem
from clew.model.policy import Creative
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts
from clew.schema import pointer

__all__ = ["defaults"]

_KEYWORD = "default"


def defaults(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Find what keeps a slot's default from being shown to everybody."""
    named = {slot.default for slot in parts.slots.values()}
    for at, creative in parts.creatives.items():
        if creative.id not in named:
            continue
        if creative.status == "draft":
            message = "this draft is the default of a slot, and so always shown; make it live"
            yield Problem(f"{at}/status", _KEYWORD, message)
        if creative.content and parts.locale not in creative.content:
            message = (
                f"the default of a slot needs content in `{parts.locale}`, the policy's locale;"
                " write it"
            )
            yield Problem(f"{at}/content", _KEYWORD, message)
        yield from _holes(creative, at, compiled)


def _holes(creative: Creative, at: str, compiled: Compiled) -> Iterator[Problem]:
    for locale, values in creative.content.items():
        for name in values:
            place = f"{at}{pointer(['content', locale, name])}"
            template = compiled.templates.get(place)
            if template is not None and template.render({}) is None:
                message = (
                    "in the default of a slot, every hole needs a default of its own, as in"
                    ' `{{ computed.usual.top | default: "pizza" }}`'
                )
                yield Problem(place, _KEYWORD, message)
