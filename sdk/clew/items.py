"""Facts as the bytes that are spooled, sent and stored."""

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["encoded"]


def encoded(item: Mapping[str, Any]) -> bytes:
    """
    Encode a batch item, `{kind: fact}`, in no more memory than it has bytes.

    What orjson gives takes four kilobytes however short it is, and facts wait by the thousand.

    Raises:
        TypeError: something in it is no JSON.
    """
    return bytes(memoryview(orjson.dumps(item)))
