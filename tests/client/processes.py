"""What other processes do with a client: the tests run `python processes.py TASK FOLDER …`."""

import os
import sys
from pathlib import Path
from typing import Any

from clew import Client
from clew.backends.embedded import Embedded
from clew.backends.sqlite import SqliteStore
from clew.errors import BackendUnavailableError
from client.worlds import bundle, policy

POLICY = policy()
NAMES = [f"u-{number}" for number in range(10)]


def opened(folder: str, **options: Any) -> Client:
    """A client on the file in a folder, with an allowing person or ten."""
    given = {} if "backend" in options else {"policy": POLICY}
    client = Client(f"sqlite:///{folder}/shop.db", **given, **options)
    for name in NAMES:
        client.consent(name, grant=["personalise"], source="test")
    return client


class Stuck(Embedded):
    """A backend that takes note of facts but never stores one."""

    def append(self, items: Any, /) -> Any:
        held = list(items)
        if b'"consent"' in held[0]:
            return super().append(held)
        raise BackendUnavailableError("stuck")


def emit_and_wait(folder: str, count: str) -> None:
    """Emit signals and report outcomes that reach the disk alone, say so, and wait to be killed."""
    url = f"sqlite:///{folder}/shop.db"
    backend = Stuck(SqliteStore(f"{folder}/shop.db"), policy=bundle(POLICY))
    client = opened(folder, backend=backend, spool=f"{url.removeprefix('sqlite:///')}.spool")
    for number in range(int(count)):
        client.emit("product_viewed", subject=NAMES[number % 10], id=f"s-{number}")
    decision = client.decide("hero", subject="u-0")
    client.report(decision, "displayed", id="o-1")
    sys.stdout.write(f"{decision.id}\n")
    sys.stdout.flush()
    sys.stdin.read()


def fork(folder: str, children: str) -> None:
    """Parent and children emit, decide and report through the client that was open at the fork."""
    client = opened(folder)
    client.emit("product_viewed", subject="u-0")
    decided = [client.decide("hero", subject="u-0").draws[0].uniform]
    pids = []
    for number in range(int(children)):
        pid = os.fork()
        if not pid:
            try:
                work(client, f"child-{number}", Path(folder, f"drawn-{number}"))
                os._exit(0)
            finally:
                os._exit(1)
        pids.append(pid)
    work(client, "parent", Path(folder, "drawn-parent"))
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
    assert client.close() == 0
    assert decided


def work(client: Client, name: str, drawn: Path) -> None:
    """Emit ten signals, decide ten times and report it; note what was drawn; leave nothing over."""
    for number in range(10):
        client.emit("product_viewed", subject=NAMES[number], id=f"{name}-{number}")
    decisions = [client.decide("hero", subject="u-0") for _ in range(10)]
    for number, decision in enumerate(decisions):
        client.report(decision, "displayed", id=f"{name}-o-{number}")
    drawn.write_text("\n".join(f"{d.id} {d.draws[0].uniform!r}" for d in decisions))
    assert client.flush() == 0


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    globals()[task](*arguments)
