"""What is logged once."""

from clew.once import NAMES_MAX, Once


def test_each_thing_is_said_once():
    """By kind and name."""
    once = Once()
    assert [once.is_news(*what) for what in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")]] == [
        True,
        False,
        True,
        True,
    ]


def test_names_without_end_silence_their_own_kind_alone():
    """Whoever makes up names takes no room from what else there is to say."""
    once = Once()
    said = sum(once.is_news("signal", str(number)) for number in range(NAMES_MAX + 5))
    assert said == NAMES_MAX
    assert once.is_news("slot", "hero")
