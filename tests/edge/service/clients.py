"""
A client that insists: `python -m edge.service.clients PORT KEY NAME SIGNALS OUTCOMES`.

It sends signals one by one, and in between it decides, reports and orders. What is not acknowledged
it sends again, with the same ids, until it is. It prints the id of each fact when it is
acknowledged.
"""

import http.client
import sys
import time
from datetime import UTC, datetime
from typing import Any, Self

import orjson

from edge.service.asking import consent, outcome, signal

__all__ = ["Insisting"]


class Insisting:
    """One connection, made anew whenever it breaks."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._drop()

    def post(self, path: str, document: Any) -> Any:
        """Send a document until it is answered with 200; gives the answer."""
        body = orjson.dumps(document)
        while True:
            try:
                return self._once(path, body)
            except (OSError, http.client.HTTPException):
                self._drop()
                time.sleep(0.02)

    def append(self, item: Any) -> str:
        """Store one item; gives what became of it."""
        [result] = self.post("/clew/v1/append", {"items": [item]})["results"]
        return str(result["status"])

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, path: str, body: bytes) -> Any:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(found)
        return orjson.loads(found)


def main(port: str, key: str, name: str, signals: str, outcomes: str) -> None:
    """Send so many of both."""
    every = int(signals) // int(outcomes)
    with Insisting(int(port), key) as client:
        client.append(consent(name))
        for number in range(int(signals)):
            insist(client, signal(f"{name}-s-{number}", subject=name))
            if number % every == 0:
                visit(client, name, number // every, number // every % 4)


def visit(client: Insisting, name: str, number: int, kind: int) -> None:
    """
    Somebody of ten comes, and is shown something; later it is told, in one order or another.

    Of four visits one ends so, two with an order and two with a report of a success. Of the orders
    one is told before the display that led to it.
    """
    visitor = f"{name}-{number % 10}"
    client.append(consent(visitor))
    asked = {"slots": ["hero"], "subject": visitor, "request_id": f"{name}-{number}"}
    [made] = client.post("/clew/v1/decide", asked)["decisions"]
    display = outcome(f"{name}-o-{number}", token=made["token"], occurred_at=now())
    if kind != 1:
        insist(client, display)
    if kind in {1, 2}:
        order = signal(f"{name}-b-{number}", "order_completed", visitor)
        insist(client, {"signal": order["signal"] | {"occurred_at": now()}})
    if kind == 1:
        insist(client, display)
    if kind in {2, 3}:
        told = {"token": made["token"], "occurred_at": now()}
        insist(client, outcome(f"{name}-c-{number}", "converted", **told))


def now() -> str:
    """The present, to the microsecond: what comes after is told apart from what came before."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def insist(client: Insisting, item: Any) -> None:
    """Store an item, and print its id when that is acknowledged."""
    status = client.append(item)
    assert status in {"applied", "duplicate"}, (status, item)
    ((_, fact),) = item.items()
    sys.stdout.write(f"{fact['id']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
