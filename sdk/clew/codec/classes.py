"""
The objects of the model between JSON and attrs classes.

A field that has its default is left out. A field that a value computes late (of a `Decision`) is
computed to be written.
"""

import re
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import attrs

from clew.codec.scalars import Reader, Writer, mismatch
from clew.model.import_map import ImportMap
from clew.model.keys import Keys
from clew.model.policy import Policy

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["class_reader", "class_writer", "kept_fields", "kind", "wire_fields"]

_WRITTEN_BY_HAND = (ImportMap, Keys, Policy)

#: Where the unknown fields of the document being read are counted.
kept_fields: ContextVar[Counter[str] | None] = ContextVar("kept_fields", default=None)


def kind(cls: type) -> str:
    """Give the name of a class as the schemas have it: `decision_request`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


def wire_fields(cls: Any) -> list[Any]:
    """Give the fields of a class that are part of its wire form."""
    return [one for one in attrs.fields(cls) if one.metadata.get("wire", True)]


def class_writer(cls: Any, converter: "Converter") -> Writer:
    """Write an object, without the fields that have their default."""
    from cattrs.gen import make_dict_unstructure_fn

    hidden = _hidden(cls)
    write = make_dict_unstructure_fn(
        cls, converter, _cattrs_omit_if_default=True, _cattrs_use_alias=True, **hidden
    )
    later = [one.alias for one in wire_fields(cls) if one.alias != one.name]
    if not later:
        return write

    def write_computed(value: Any) -> dict[str, Any]:
        if hidden and value._document is not None:  # noqa: SLF001 - of a `Decision`
            return value._document(value)  # type: ignore[no-any-return]  # noqa: SLF001
        for name in later:  # the property keeps what it has computed in the private field
            getattr(value, name)
        return write(value)

    return write_computed


def class_reader(cls: Any, converter: "Converter", *, keep_unknown: bool) -> Reader:
    """Read an object, with what is not known kept or refused."""
    from cattrs import override
    from cattrs.gen import make_dict_structure_fn

    checked: dict[str, Any] = {
        one.name: override(struct_hook=_checked(one, converter.get_structure_hook(one.type)))
        for one in attrs.fields(cls)
        if one.validator
    }
    read_fields = make_dict_structure_fn(
        cls,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_use_alias=True,
        **checked,
        **_hidden(cls),
    )
    known = frozenset(one.alias for one in wire_fields(cls))

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise mismatch(value, "an object")
        if not value.keys() <= known:
            if cls in _WRITTEN_BY_HAND:  # may name its schema, for editors
                value = {name: one for name, one in value.items() if name != "$schema"}
            elif keep_unknown:
                value = _keep(value, known, kind(cls))
        return read_fields(value, cls)

    return read


def _hidden(cls: Any) -> dict[str, Any]:
    """By name, that each field which is no part of the wire form is left out."""
    from cattrs import override

    written = wire_fields(cls)
    return {one.name: override(omit=True) for one in attrs.fields(cls) if one not in written}


def _checked(attribute: "attrs.Attribute[Any]", read: Reader) -> Reader:
    """
    Read a field and run its validator.

    The constructor runs it again, but would stop at the first field that is wrong.
    """
    validator = attribute.validator

    def read_checked(value: Any, kind: Any) -> Any:
        result = read(value, kind)
        if validator is not None:
            validator(None, attribute, result)
        return result

    return read_checked


def _keep(document: dict[str, Any], known: frozenset[str], kind: str) -> dict[str, Any]:
    """Move what is not known to `ext`; what the sender put there itself stays."""
    unknown = {name: value for name, value in document.items() if name not in known}
    if (kept := kept_fields.get()) is not None:
        kept[kind] += len(unknown)
    understood = {name: value for name, value in document.items() if name in known}
    if "ext" in known and isinstance(ext := document.get("ext", {}), dict):
        understood["ext"] = {**unknown, **ext}
    return understood
