"""What clew serves itself, below `/_clew/`: beacon script, outcomes, why page, measurements."""

from clew_edge.pages.routes import respond

__all__ = ["respond"]
