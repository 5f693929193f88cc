"""The signals a decision brings along: bounded, and forgotten once they are delivered."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from clew.backends.http import unsent
from clew.backends.http.unsent import Unsent


def signal(name: str, subject: str = "u-1") -> tuple[str, str, bytes]:
    """As much of a signal as matters here."""
    return name, subject, name.encode()


def test_what_is_not_delivered_is_given_in_order():
    """A subject's signals are given oldest first; another's are not among them."""
    held = Unsent()
    for name in ("a", "b", "c"):
        held.add(*signal(name))
    held.add(*signal("d", "u-2"))
    held.settle(["b", "no such"])
    assert [each.decode() for each in held.of(["u-1", None])] == ["a", "c"]
    assert [each.decode() for each in held.of(["u-2", "u-1"])] == ["d", "a", "c"]
    assert held.of([None, "u-3"]) == []


def test_one_subject_is_bounded():
    """Beyond the bound the oldest signals of a subject are delivered, but not brought along."""
    held = Unsent()
    for number in range(unsent.SIGNALS_OF_ONE_MAX + 3):
        held.add(*signal(f"s-{number}"))
    assert held.of(["u-1"])[0] == b"s-3"
    assert len(held.of(["u-1"])) == unsent.SIGNALS_OF_ONE_MAX


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans()), max_size=120))
def test_nothing_is_left_behind(steps):
    """Once all is settled nothing is held, whatever was added, and the bound always holds."""
    held = Unsent()
    for name, subject, is_settled in steps:
        if is_settled:
            held.settle([f"s-{name}"])
        else:
            held.settle([f"s-{name}"])
            held.add(*signal(f"s-{name}", f"u-{subject}"))
        given_now = [each.decode() for each in held.of(f"u-{n}" for n in range(6))]
        assert len(given_now) == len(set(given_now)) == len(held._subjects)
    held.settle([f"s-{n}" for n in range(41)])
    assert (held._subjects, held._signals, held._bytes) == ({}, {}, 0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 12)),
            st.tuples(st.just("settle"), st.lists(st.integers(0, 12), max_size=6)),
            st.tuples(st.just("ask"), st.none()),
        ),
        max_size=60,
    )
)
def test_what_was_settled_is_not_given_again(steps):
    """Whether a decision asks in between or not, and in whatever order it is delivered."""
    held, known = Unsent(), {}
    for step, what in steps:
        if step == "add":
            held.add(*signal(f"s-{what}"))
            known.setdefault(f"s-{what}")
        elif step == "settle":
            names = [f"s-{number}" for number in what]
            held.settle(names)
            known = {name: None for name in known if name not in names}
        else:
            assert {each.decode() for each in held.of(["u-1"])} == set(known)
    assert {each.decode() for each in held.of(["u-1"])} == set(known)


def test_memory_is_bounded():
    """However large signals are, the oldest are forgotten before they take more than the bound."""
    held, size = Unsent(), 60_000
    for number in range(unsent.BYTES_MAX // size + 20):
        held.add(f"s-{number}", f"u-{number}", bytes(size))
    assert held._bytes == size * len(held._subjects) <= unsent.BYTES_MAX
    assert held.of(["u-0"]) == []
    assert len(held.of([f"u-{number}"])) == 1


def test_what_a_decision_brings_along_is_bounded():
    """The latest signals are brought along, as many as get through in the time there is."""
    held = Unsent()
    for number in range(10):
        held.add(f"s-{number}", "u-1", b"%d" % number * (unsent.CARRIED_BYTES_MAX // 4))
    assert [item[:1] for item in held.of(["u-1"])] == [b"6", b"7", b"8", b"9"]
    held.drop(["u-1", None])
    assert (held.of(["u-1"]), held._bytes) == ([], 0)


def test_one_subject_does_not_push_out_another():
    """However much one subject does, what another has done is brought along."""
    held = Unsent()
    held.add(*signal("first", "u-2"))
    for number in range(unsent.SIGNALS_MAX + 1):
        held.add(*signal(f"s-{number}"))
    assert [each.decode() for each in held.of(["u-2"])] == ["first"]
    assert len(held._new) <= unsent.UNSORTED_MAX


def test_what_is_being_sorted_is_found(monkeypatch):
    """Whoever asks while another thread sorts a signal waits until it is found."""
    held = Unsent()
    sorting, asked = threading.Event(), threading.Event()
    enter = Unsent._enter

    def slow(self, one):
        sorting.set()
        asked.wait(0.2)  # the other one asks now, and must not be answered before
        enter(self, one)

    monkeypatch.setattr(Unsent, "_enter", slow)
    held.add(*signal("s-1"))
    other = threading.Thread(target=held.of, args=(["u-1"],))
    other.start()
    assert sorting.wait(10.0)
    assert [each.decode() for each in held.of(["u-1"])] == ["s-1"]
    asked.set()
    other.join()


def test_what_is_delivered_in_order_costs_no_look_at_whose_it_is():
    """Where nobody decides, signals come and go without being sorted by subject."""
    held = Unsent()
    for number in range(20):
        held.add(*signal(f"s-{number}"))
    held.settle([f"s-{number}" for number in range(15)])
    assert held._subjects == {}
    assert [each.decode() for each in held.of(["u-1"])] == [f"s-{n}" for n in range(15, 20)]


def test_all_subjects_together_are_bounded(monkeypatch):
    """Beyond the bound on all subjects the oldest signals give way."""
    monkeypatch.setattr(unsent, "SIGNALS_MAX", 5)
    held = Unsent()
    for number in range(8):
        held.add(*signal(f"s-{number}", f"u-{number}"))
    assert [bool(held.of([f"u-{number}"])) for number in range(8)] == [False] * 3 + [True] * 5
