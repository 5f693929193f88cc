"""
For the tests of applications and of backends: a fake client, a clock moved by hand, a kit of
conformance tests. Nothing in clew imports this package.
"""

from clew.testing.clock import HandClock
from clew.testing.fake import FakeClient

__all__ = ["FakeClient", "HandClock"]
