"""The whole loop on a page: signal, decision, page, outcome, learning, lift (C01, C06, C07)."""

import asyncio
import json

from clew.codec import to_json
from clew.schema import validate
from clew_edge import ClewMiddleware
from edge.asgi import answering, ask, html, page
from edge.worlds import allow, shop_client, shop_policy

SLOT = b'<clew-slot name="hero">default</clew-slot>'


def site(client, **options):
    """A page with one slot."""
    options = {"deadline_ms": 30_000, **options}
    return ClewMiddleware(answering(html(), *page(SLOT)), client=client, **options)


def told(answer):
    """What the page was told of its slot."""
    _, _, rest = answer.text.partition('id="clew-state"')
    return json.loads(rest.partition(">")[2].partition("</script>")[0])


def beacon(app, state, type="displayed"):
    """Report as the page's script does."""
    slot = state["slots"]["hero"]
    sent = {"view": state["view"], "outcomes": [{"token": slot["token"], "type": type}]}
    headers = [("content-type", "application/json"), ("host", "shop.test")]
    return asyncio.run(
        ask(app, state["post"], method="POST", headers=headers, body=json.dumps(sent).encode())
    )


def learning_policy():
    """The hero by a bandit, whose conversions are orders."""
    document = shop_policy(holdouts=[{"id": "global", "salt": "s", "share": 0.001}])
    document["slots"][0]["strategy"] = "bandit"
    for creative in document["creatives"]:
        creative.pop("when", None)
    return document


def test_one_decision_goes_from_the_signal_to_the_measurement():
    """Signal, decision, page, outcome and measurement speak of one decision by one id (C01)."""
    with shop_client(learning_policy()) as client:
        subject = allow(client, "ada")
        app = site(client, subject=lambda request: subject)
        client.emit("product_viewed", subject=subject, data={"sku": "hawaiian"})
        answer = asyncio.run(ask(app))
        state = told(answer)
        shown = state["slots"]["hero"]
        assert json.loads(beacon(app, state).text)["outcomes"] == [{"status": "applied"}]
        client.emit("order_completed", subject=subject, data={"total": 9.5})
        (decision,) = client.decisions(subject)
        assert decision.id == shown["decision"] == decision.token.partition(".")[0]
        assert f"<b>{decision.get('headline')}</b>" in answer.shown
        (measured,) = client.measure("orders")
        figures = {each.creative: each for each in measured.creatives if each.slot == "hero"}
        assert figures[shown["creative"]].displays == 1
        assert measured.attributed == 1.0


def test_displayed_counts_once_however_often_it_is_sent():
    """A beacon that repeats itself is a duplicate; another view of the kept decision is not."""
    with shop_client(learning_policy()) as client:
        subject = allow(client, "ada")
        app = site(client, subject=lambda request: subject)
        state = told(asyncio.run(ask(app)))
        statuses = [json.loads(beacon(app, state).text)["outcomes"][0]["status"] for _ in "ab"]
        again = told(asyncio.run(ask(app)))
    assert statuses == ["applied", "duplicate"]
    assert again["slots"]["hero"]["decision"] == state["slots"]["hero"]["decision"]
    assert again["view"] != state["view"]


def test_what_is_reported_changes_the_next_decision_at_once():
    """The chances of the next visitor have moved when the report returns (C07)."""
    with shop_client(learning_policy()) as client:
        for visitor in ("ada", "ben"):
            allow(client, visitor)
        app = site(client, subject=lambda request: request.headers["x-who"])
        first = asyncio.run(ask(app, headers=[("accept", "text/html"), ("x-who", "ada")]))
        state = told(first)
        beacon(app, state)
        client.emit("order_completed", subject="ada")
        [draw] = client.decide("hero", subject="ben").draws
    chances = {each.creative: each.probability for each in draw.candidates}
    shown = state["slots"]["hero"]["creative"]
    assert chances[shown] > max(p for name, p in chances.items() if name != shown)


def test_context_and_behaviour_change_what_one_slot_shows():
    """The same slot shows three things to a calm, a loud and a returning visitor (C06)."""
    with shop_client() as client:
        returning = allow(client, "ada")
        client.emit("product_viewed", subject=returning)

        def show(mood, who=None):
            app = site(client, context=lambda request: {"mood": mood}, subject=lambda request: who)
            return told(asyncio.run(ask(app)))["slots"]["hero"]["creative"]

        assert [show("calm"), show("loud"), show("loud", returning)] == ["plain", "loud", "again"]


def test_a_decision_is_a_document_of_the_schema():
    """What the loop passes on keeps to the public contract (C01)."""
    with shop_client() as client:
        decision = client.decide("hero", subject=allow(client, "ada"))
        validate("decision", to_json(decision))
