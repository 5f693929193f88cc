"""The bounds of the server that the README names are those that it keeps."""

import re
from pathlib import Path

import pytest

from clew.model.batch import BATCH_MAX
from clew_edge.service import limits, protocol, segment
from clew_edge.service.keys import LOOK_SECONDS

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
LIMITS = limits.Limits()
MEBIBYTE = 1_048_576


@pytest.mark.parametrize(
    ("bound", "named"),
    [
        ("body, as it is sent", f"{LIMITS.body_bytes // MEBIBYTE} MiB"),
        ("body, unpacked", f"{LIMITS.document_bytes // MEBIBYTE} MiB"),
        ("facts or events of a batch, `signals` of a request", f"{BATCH_MAX}"),
        ("messages of a Segment batch", f"{segment.MESSAGES_MAX:,}"),
        ("slots of a request", f"{LIMITS.slots}"),
        ("depth of JSON", f"{LIMITS.depth}"),
        ("time until the body is there", f"{LIMITS.read_seconds:g} s"),
        ("all bodies in hand in a worker", f"{limits.ROOM_BYTES // MEBIBYTE} MiB"),
        (
            "head of a request",
            f"{protocol.HEAD_BYTES_MAX // 1_024} KiB in {protocol.HEAD_SECONDS:g} s",
        ),
        ("time to take an answer", f"{protocol.WRITE_SECONDS:g} s"),
    ],
)
def test_a_bound_is_what_the_readme_says(bound: str, named: str) -> None:
    """Each number of the table stands in the code."""
    assert re.findall(rf"^\| {re.escape(bound)} \| (.+?) \|", README, re.MULTILINE) == [named]


def test_the_keys_are_read_again_as_the_readme_says() -> None:
    """What the README says of the keys file holds."""
    assert LOOK_SECONDS == 1.0
    assert "keys file is read again within a second" in README
