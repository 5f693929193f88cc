"""`clew profile` speaks of one person in plain words."""

import json
from collections.abc import Callable

from click.testing import Result

Run = Callable[..., Result]

AT = ("--as-of", "2026-06-01T00:00:00Z")


def test_a_profile_is_readable(imported: Run) -> None:
    """Traits stand by origin with their plain words, shares as percent, ages in days."""
    said = imported("profile", "u1", *AT).stdout
    for part in (
        "2 signals, policy till 1",
        "100.0 % tea Green tea",
        "what you spent",
        "91.6 days",
        "segments: spender",
        "personalise: permitted on the ground of contract, granted on 2026-03-01 (import:till)",
    ):
        assert part in said


def test_a_profile_for_a_script(imported: Run) -> None:
    """With --json the profile is its document."""
    found = json.loads(imported("profile", "u2", *AT, "--json").stdout)
    assert found["computed"]["value"] == 2.5


def test_as_of_is_the_present(imported: Run) -> None:
    """Ages are counted from the given instant."""
    said = imported("profile", "u2", "--as-of", "2026-05-02T08:00:00Z").stdout
    assert "30 minutes" in said


def test_nobody_is_known_by_nothing(imported: Run) -> None:
    """Of a stranger there are no signals, and no purpose is permitted."""
    said = imported("profile", "stranger", *AT).stdout
    assert "0 signals" in said
    assert "personalise: not permitted" in said
