"""
A newsletter in Celery: each reader gets the creative that was decided for them, once.

Needs clew and Celery: `pip install . celery` in clew's folder. `python celery_email.py` runs the
tasks in its own process, one of them failing at first; `celery -A celery_email worker`, with
CELERY_BROKER set, takes them from a broker. The client is opened before the workers are forked, and
delivers in each of them; what a worker had not delivered when it ended, the next one does.
"""

import os

from celery import Celery, Task

from clew import Client

POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "slots": [
        {
            "id": "newsletter",
            "strategy": "bandit",
            "objective": "orders",
            "default": "plain",
            "purpose": "personalise",
            "counts_on": "sent",
        }
    ],
    "creatives": [
        {"id": id, "version": "1", "slots": ["newsletter"], "content": {"en": {"title": text}}}
        for id, text in [("plain", "News from the oven"), ("pair", "Two pizzas, one price")]
    ],
}
app = Celery("newsletter", broker=os.environ.get("CELERY_BROKER", "memory://"))
client = Client(os.environ.get("CLEW_URL", "sqlite:///celery.db"), policy=POLICY)
delivered: set[str] = set()
failures = iter([ConnectionError("the mail server is away")])


@app.task
def send_newsletter(issue: str, readers: list[str]) -> None:
    """
    Decide for all readers and have each mail sent.

    The issue names the run: when this task is repeated, each reader gets the decision they had.
    """
    for reader, decision in zip(
        readers, client.decide_many("newsletter", readers, request_prefix=issue), strict=True
    ):
        send_mail.delay(reader, decision.get("title", "News"), decision.id, decision.token)


@app.task(bind=True, max_retries=5, acks_late=True)
def send_mail(self: Task, reader: str, title: str, id: str, token: str | None) -> None:
    """Send one mail; a retry sends the same one, and it counts as sent once."""
    try:
        deliver(reader, title, message_id=id)
    except ConnectionError as error:
        raise self.retry(exc=error, countdown=2**self.request.retries) from error
    if token is not None:  # a default that was made without the backend has none
        client.report(token, "sent", id=f"{id}:sent")


def deliver(reader: str, title: str, message_id: str) -> None:
    """Your mail server, which knows what it has sent by its id; the first mail fails."""
    failure = next(failures, None)
    if failure is not None:
        raise failure
    if message_id not in delivered:
        delivered.add(message_id)
        print(f"to {reader}: {title}")


if __name__ == "__main__":
    app.conf.task_always_eager = True
    people = ["ada", "ben"]
    for person in people:
        client.consent(person, grant=["personalise"], source="signup_form")
    for _ in range(2):  # the scheduler fires twice
        send_newsletter.delay("newsletter-2026-11", people)
    decided = {person: len(client.decisions(person)) for person in people}
    client.close()
    print(f"decisions: {decided}")
    assert decided == {"ada": 1, "ben": 1}, "a repeated run decides once"
    assert len(delivered) == len(people), "and each mail is sent once"
