"""Pages for people to read: HTML documents of one file, which ask nothing of any network."""

from clew.pages.measuring import measurement_page

__all__ = ["measurement_page"]
