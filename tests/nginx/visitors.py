"""Who visits the shop."""

__all__ = ["PATHS", "VISITORS"]

VISITORS = tuple(f"visitor-{number:03}" for number in range(100))
PATHS = tuple(f"page-{number}" for number in range(20))
