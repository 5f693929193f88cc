"""
Decisions in a job queue: a job that is tried again decides, sends and counts once.

Needs clew alone. `python background_worker.py` works off a few jobs, of which one fails at first;
put your own queue in the place of `JOBS`. SIGTERM lets the job at hand end, and closes the client.
"""

import signal
import threading
from collections import deque

from clew import Client

JOBS = deque([{"id": "job-1", "to": "ada"}, {"id": "job-2", "to": "ben"}])
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "slots": [
        {
            "id": "push",
            "strategy": "bandit",
            "objective": "orders",
            "default": "plain",
            "purpose": "personalise",
            "counts_on": "sent",
        }
    ],
    "creatives": [
        {"id": id, "version": "1", "slots": ["push"], "content": {"en": {"text": text}}}
        for id, text in [("plain", "Hungry?"), ("pair", "Two pizzas, one price")]
    ],
}
stopping = threading.Event()
failures = iter([ConnectionError("the gateway is away")])


def push(to: str, text: str) -> None:
    """Your gateway; the first message fails."""
    failure = next(failures, None)
    if failure is not None:
        raise failure
    print(f"to {to}: {text}")


def work(client: Client, job: dict[str, str]) -> None:
    """
    Do one job.

    The job's id names the request, so a job that is tried again within 24 hours gets the decision
    it had; the id of the outcome is the decision's, so that it is sent once.
    """
    decision = client.decide("push", subject=job["to"], request_id=job["id"])
    push(job["to"], decision.get("text", "Hungry?"))
    client.report(decision, "sent", id=f"{decision.id}:sent")


def main() -> None:
    """Take jobs until there is none, or somebody asks to stop; what fails goes to the end."""
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with Client("sqlite:///worker.db", policy=POLICY) as client:  # closing delivers what is left
        for job in JOBS:
            client.consent(job["to"], grant=["personalise"], source="signup_form")
        while JOBS and not stopping.is_set():
            job = JOBS.popleft()
            try:
                work(client, job)
            except ConnectionError as error:
                print(f"{job['id']} failed and is tried again: {error}")
                JOBS.append(job)
        decided = client.decisions("ada")
    assert len(decided) == 1, "a job that was tried twice has decided once"
    print(f"ada's job was tried twice and decided once: {decided[0].creative!r}")


if __name__ == "__main__":
    main()
