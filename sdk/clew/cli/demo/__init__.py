"""`clew demo`: simulated people in simulated time, through the public client."""

from clew.cli.demo.command import demo

__all__ = ["demo"]
