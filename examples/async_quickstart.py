"""The loop under asyncio: three visitors decided for at once, and each decision says why."""

import asyncio

from clew import AsyncClient

POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "traits": [
        {
            "id": "seen",
            "signal": "product_viewed",
            "aggregate": "last",
            "of": "data.name",
            "purpose": "personalise",
            "plain": "the pizza you looked at",
        }
    ],
    "slots": [
        {
            "id": "hero",
            "strategy": "priority",
            "objective": "orders",
            "purpose": "personalise",
            "default": "plain",
        }
    ],
    "creatives": [
        {
            "id": "plain",
            "version": "1",
            "slots": ["hero"],
            "content": {"en": {"headline": "Fresh pizza"}},
        },
        {
            "id": "again",
            "version": "1",
            "slots": ["hero"],
            "priority": 1,
            "content": {"en": {"headline": "Hungry for {{ computed.seen }}?"}},
        },
    ],
}


async def main() -> None:
    """Ada agreed and looked at a pizza; Ben agreed; Cleo said nothing, which means no."""
    async with AsyncClient("memory://", policy=POLICY) as client:
        for visitor in ("ada", "ben"):
            await client.consent(visitor, grant=["personalise"], source="signup_form")
        for visitor in ("ada", "cleo"):
            client.emit("product_viewed", subject=visitor, data={"name": "margherita"})

        visitors = ("ada", "ben", "cleo")
        asked = (client.decide("hero", subject=v, default={"headline": "Hello"}) for v in visitors)
        decisions = await asyncio.gather(*asked)
        for visitor, decision in zip(visitors, decisions, strict=True):
            print(f"{visitor} sees {decision.get('headline')!r} | {decision.reason}")

        client.report(decisions[0], "displayed")
        client.emit("order_placed", subject="ada")
        [orders] = await client.measure("orders")
        print(f"orders credited: {orders.attributed:g} | not stored: {dict(client.losses)}")

    reasons = [decision.reason for decision in decisions]
    assert reasons == ["priority", "no_eligible", "consent_denied"]
    assert orders.attributed == 1
    assert client.losses == {"no_basis": 1}, "what Cleo looked at was never stored"


asyncio.run(main())
