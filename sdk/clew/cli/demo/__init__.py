"""`clew demo`: a shop that runs clew, and simulated visitors who come by over HTTP."""

from clew.cli.demo.command import demo

__all__ = ["demo"]
