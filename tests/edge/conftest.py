"""What the tests of the middleware share: as much time as it takes, unless they name a deadline."""

import pytest

from clew_edge import ClewMiddleware

#: So long that no machine is too busy to decide in time, in milliseconds.
PATIENT_MS = 60_000.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's own deadline is short; what is no test of it must not hang on the machine."""
    monkeypatch.setitem(ClewMiddleware.__init__.__kwdefaults__, "deadline_ms", PATIENT_MS)
