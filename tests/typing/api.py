"""
The public API as an application's type checker sees it; checked by mypy, never run.

Each assignment says that a class of ours is what a protocol of ours asks for.
"""

from clew.clock import Clock, SystemClock

clock: Clock = SystemClock()
