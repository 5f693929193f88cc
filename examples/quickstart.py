"""Once round the loop: signal, decision, reason, outcome, and what the next decision learned."""

from clew import Client

SEEN = {"id": "seen", "signal": "product_viewed", "aggregate": "last", "of": "data.name"}
HERO = {"id": "hero", "strategy": "bandit", "objective": "orders", "default": "plain"}
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "traits": [{**SEEN, "purpose": "personalise", "plain": "the pizza you looked at"}],
    "slots": [{**HERO, "purpose": "personalise"}],
    "creatives": [
        {"id": id, "version": "1", "slots": ["hero"], "content": {"en": {"headline": text}}}
        for id, text in [("plain", "Fresh pizza"), ("again", "Hungry for {{ computed.seen }}?")]
    ],
}
with Client("memory://", policy=POLICY) as client:  # "sqlite:///shop.db" keeps what was learned
    for visitor in ("ada", "ben"):
        client.consent(visitor, grant=["personalise"], source="signup_form")
        client.emit("product_viewed", subject=visitor, data={"name": "margherita"})
    first = client.decide("hero", subject="ada", default={"headline": "Welcome"})
    print("ada sees:", first.get("headline"), "|", first.reason, "|", *first.explanation.because)
    client.report(first, "displayed")
    client.emit("order_placed", subject="ada")  # the objective names it: it is the conversion
    then = client.decide("hero", subject="ben")
    chance = {c.creative: c.probability for c in then.draws[0].candidates}[first.creative]
    print(f"she ordered: {first.propensity:.0%} chance of {first.creative} became {chance:.0%}")
    assert chance > first.propensity, "an order must raise the chance of what was shown"
