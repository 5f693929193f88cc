"""What this process sees at once is what the store says later, whatever happened in between."""

from hypothesis import given
from hypothesis import strategies as st

from backends.stories import (
    DOCUMENT,
    OPERATIONS,
    SUBJECTS,
    Story,
    close_to,
    seen,
    tallies,
    with_worlds,
)
from client.worlds import people


@with_worlds
@given(story=st.lists(OPERATIONS, max_size=40))
def test_the_hot_path_is_the_cold_path(make, story):
    """What one client knows before flushing, a new client on the store knows after it (F4)."""
    world = make()
    client = world.client(DOCUMENT)
    people(client, SUBJECTS)
    told = Story(world, [client])
    for operation in story:
        told.tell(client, operation)
    before = seen(client), tallies(client)
    assert client.flush() == 0
    other = world.client(DOCUMENT)
    assert seen(other) == close_to(before[0])
    assert tallies(other) == close_to(before[1])
    assert (seen(client), tallies(client)) == (close_to(before[0]), close_to(before[1]))


@with_worlds
@given(story=st.lists(st.tuples(OPERATIONS, st.booleans()), max_size=40))
def test_clients_on_one_store_agree(make, story):
    """Two clients that take turns on one store know the same once both have flushed (F7)."""
    world = make()
    clients = [world.client(DOCUMENT, seed=seed) for seed in range(2)]
    people(clients[0], SUBJECTS)
    told = Story(world, clients)
    for operation, which in story:
        told.tell(clients[which], operation)
    for client in clients:
        assert client.flush() == 0
    left, right, fresh = (seen(one) for one in (*clients, world.client(DOCUMENT)))
    assert left == close_to(fresh)
    assert right == close_to(fresh)
    assert tallies(clients[0]) == close_to(tallies(clients[1]))
