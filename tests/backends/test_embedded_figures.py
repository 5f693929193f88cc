"""What was learned is read once, whether it is stored already or still on its way."""

from clew.model.request import DecisionRequest
from client.worlds import embedded, people


def test_a_sum_read_between_storing_and_refreshing(make):
    """A fact that is stored between two decisions is in a sum read meanwhile but once (L2)."""
    client = make().client()
    people(client, ["u-1"])
    backend = embedded(client)
    _, payloads = backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    backend.append(payloads)
    assert backend._figures.tally("figures:hero")["decisions"] == 1.0
    backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    assert backend._figures.tally("figures:hero")["decisions"] == 2.0
