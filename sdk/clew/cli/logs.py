"""What `clew serve` writes to its standard error: when, how grave, which process, and what."""

import logging
from typing import Any

from clew.clock import to_text

__all__ = ["LOGGING", "Lines"]


class Lines(logging.Formatter):
    """`2026-01-01T12:00:00.000000Z WARNING 4711 clew.service: …`, in UTC (RFC 3339)."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")

    def formatTime(  # noqa: N802 - as it is named there
        self,
        record: logging.LogRecord,
        datefmt: str | None = None,  # noqa: ARG002
    ) -> str:
        """Write when it happened."""
        return to_text(record.created)


#: For `logging.config.dictConfig`, in the server and in each of its workers.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "clew.cli.logs.Lines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}
