"""Losses are counted at once and told outside of locks."""

from clew.delivery.losses import Losses


def test_losses_are_told_once():
    """Each loss reaches the callback once, with its cause and number; none is not a loss."""
    told = []
    losses = Losses(lambda cause, count: told.append((cause, count)))
    losses.add("overflow", 2)
    losses.add("overflow", 0)
    assert told == []
    losses.tell()
    losses.tell()
    assert told == [("overflow", 2)]
    assert losses.counts == {"overflow": 2}


def test_a_callback_that_raises_is_logged(caplog):
    """A faulty callback does not keep later losses from being told."""

    def on_loss(cause, count):
        raise RuntimeError(cause)

    losses = Losses(on_loss)
    losses.add("one")
    losses.add("two")
    losses.tell()
    assert [record.exc_info[1].args for record in caplog.records] == [("one",), ("two",)]
