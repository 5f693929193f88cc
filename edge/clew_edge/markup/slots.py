"""
What a slot in a page is, and the bounds within which one is looked for.

The bounds hold for the bytes of a page, however they are cut into chunks, so the same page always
has the same slots.
"""

import re

from attrs import frozen

__all__ = ["MAX_DEFAULT", "MAX_DEPTH", "MAX_TAG", "SLOT_NAME", "Slot"]

#: Bytes of default content up to which a slot is waited for; what is longer is no slot.
MAX_DEFAULT = 64 * 1024
#: Bytes of a slot's own tags; a longer one names no slot and ends none.
MAX_TAG = 8 * 1024
#: Slots open within each other. Each default may be read once more per level, so this bounds work.
MAX_DEPTH = 8

#: An id as the policy spells it (`schemas/common.schema.json`), in bytes.
SLOT_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]{0,127}")


@frozen
class Slot:
    """A place in a page whose content may be replaced."""

    name: str
    #: The bytes between the marks, as they stood.
    default: bytes
