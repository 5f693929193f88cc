"""Bounds that schemas, models and hot paths share."""

from attrs import validators

__all__ = [
    "ID_MAX",
    "NAME",
    "SHARE",
    "identifier",
    "name",
    "optional_identifier",
    "positive",
    "share",
]

#: Longest identifier (subject, signal id, slot …), in characters.
ID_MAX = 128

#: Names of types, slots, traits, segments: letters, digits and `_ . -`, beginning with a letter.
NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,127}"

SHARE = (0.0, 1.0)

identifier = validators.and_(
    validators.instance_of(str), validators.min_len(1), validators.max_len(ID_MAX)
)
optional_identifier = validators.optional(identifier)
name = validators.matches_re(NAME)
share = validators.and_(validators.ge(SHARE[0]), validators.le(SHARE[1]))
positive = validators.gt(0.0)
