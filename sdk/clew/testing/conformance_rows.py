"""What a store keeps: that every row comes back as it was, and no other with it."""

from collections.abc import Callable
from math import inf, nan

import pytest
from attrs import evolve

from clew.backends.base import FactKey, Kind, Place, Store, Trial, Writing
from clew.errors import BackendRejectedError

__all__ = ["HERE", "TRIAL", "RowConformance", "attempt"]

HERE: Place = (7, "default")
#: Places that differ from `HERE` in one part each.
ELSEWHERE: tuple[Place, ...] = ((8, "default"), (7, "other"))

TEXTS = {
    "plain": "u-42",
    "empty": "",
    "quotes": """'; DROP TABLE facts; -- "\\`""",
    "wildcards": "%_*?[a]",
    "nul": "a\0b",
    "emoji": "👩‍🍳 ピザ",
    "last-code-point": "\U0010ffff",
    "long": "x" * 10_000,
}
BODIES = {"empty": b"", "binary": bytes(range(256)), "large": b"\0\xff" * 500_000}
TRIAL = Trial(
    experiment="global",
    epoch="1",
    subject="u-1",
    arm="holdout",
    triggered_at=1.25,
    policy_version="3",
)


def attempt(store: Store, *steps: Callable[[Writing], object]) -> None:
    """Do all the steps in one transaction."""
    with store.write() as writing:
        for step in steps:
            step(writing)


class RowConformance:
    """The promises about rows; `clew.testing.conformance.StoreConformance` has all promises."""

    # Facts

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_a_fact_is_kept_as_it_is(self, store: Store, body: bytes) -> None:
        """The body of a fact comes back byte for byte, whatever it is."""
        with store.write() as writing:
            assert writing.add_fact(HERE, "signal", "s", body, subject="u", at=1.0)
        with store.read() as reading:
            assert reading.fact(HERE, "signal", "s") == body
            assert reading.fact(HERE, "signal", "t") is None

    def test_a_fact_is_kept_once(self, store: Store) -> None:
        """A fact with a known (place, kind, id) changes nothing and is said to be known."""
        with store.write() as writing:
            assert writing.add_fact(HERE, "signal", "s", b"1", subject="u", at=1.0, ref="a")
            assert not writing.add_fact(HERE, "signal", "s", b"2", subject="v", at=2.0, ref="b")
        with store.write() as writing:
            assert not writing.add_fact(HERE, "signal", "s", b"3", subject="v", at=2.0, ref="b")
        with store.read() as reading:
            assert reading.fact(HERE, "signal", "s") == b"1"
            assert list(reading.facts(HERE, "signal", "u")) == [b"1"]
            assert list(reading.facts(HERE, "signal", "v")) == []
            assert list(reading.referring(HERE, "signal", "b")) == []

    def test_facts_are_known_by_place_kind_and_id(self, store: Store) -> None:
        """The same id in another bucket, of another tenant or kind is another fact."""
        others: list[tuple[Place, Kind]] = [(place, "signal") for place in ELSEWHERE]
        others.append((HERE, "outcome"))
        with store.write() as writing:
            writing.add_fact(HERE, "signal", "s", b"here", subject="u", at=1.0, ref="r")
            for place, kind in others:
                assert writing.known(place, kind, ["s"]) == set()
                assert list(writing.facts(place, kind, "u")) == []
                assert list(writing.referring(place, kind, "r")) == []
                assert writing.add_fact(place, kind, "s", b"there", subject="u", at=1.0)
                assert writing.fact(place, kind, "s") == b"there"
            assert writing.fact(HERE, "signal", "s") == b"here"

    def test_those_of_the_ids_are_known_that_are_stored(self, store: Store) -> None:
        """`known` gives the stored ones of any number of ids."""
        stored = {f"s-{number}" for number in range(0, 3000, 3)}
        with store.write() as writing:
            for each in stored:
                writing.add_fact(HERE, "signal", each, b"", subject="u", at=1.0)
        with store.read() as reading:
            assert reading.known(HERE, "signal", [f"s-{n}" for n in range(3000)]) == stored
            assert reading.known(HERE, "signal", []) == set()

    def test_what_was_foreseen_is_answered_alike(self, store: Store) -> None:
        """Telling beforehand what will be asked changes no answer, true or not, before or after."""
        keys = [f"s-{number}" for number in range(250)]
        with store.write() as writing:
            for each in keys[::2]:
                writing.add_fact(HERE, "signal", each, each.encode(), subject="u", at=1.0, ref=each)
        others: list[tuple[Place, Kind]] = [(place, "signal") for place in ELSEWHERE]
        with store.write() as writing:
            writing.add_fact(HERE, "signal", "s-1", b"s-1", subject="u", at=1.0, ref="s-1")
            foreseen: list[FactKey] = [(HERE, "signal", each) for each in keys]
            writing.foresee([*foreseen, ((8, "default"), "signal", "s-0")], foreseen)
            writing.foresee([], [])
            for number, each in enumerate(keys):
                known = number % 2 == 0 or number == 1
                assert writing.known(HERE, "signal", [each]) == ({each} if known else set())
                assert writing.fact(HERE, "signal", each) == (each.encode() if known else None)
                found = [each.encode()] if known else []
                assert list(writing.referring(HERE, "signal", each)) == found
                for place, kind in others:
                    assert writing.fact(place, kind, each) is None
                added = writing.add_fact(HERE, "signal", each, b"new", subject="u", at=2.0, ref="r")
                assert added is not known
            assert len(list(writing.referring(HERE, "signal", "r"))) == 124
            assert len(list(writing.facts(HERE, "signal", "u"))) == 250
        with store.read() as reading:
            assert reading.known(HERE, "signal", keys) == set(keys)
            assert reading.fact(HERE, "signal", "s-0") == b"s-0"
            assert reading.fact(HERE, "signal", "s-3") == b"new"

    def test_facts_are_ordered_by_instant_then_id(self, store: Store) -> None:
        """Facts come by (at, id), ids by code point, in whatever order they were added."""
        ids = ["B", "a", "a\0", "aa", "é", "\uffff", "👩"]
        facts = [(2.0, each) for each in ids] + [(1.5, "z"), (3.0, "A")]
        with store.write() as writing:
            for at, each in reversed(facts):
                body = f"{at}{each}".encode()
                writing.add_fact(HERE, "outcome", each, body, subject="u", at=at, ref="d")
        ordered = [f"{at}{each}".encode() for at, each in sorted(facts)]
        with store.read() as reading:
            assert list(reading.facts(HERE, "outcome", "u")) == ordered
            assert list(reading.referring(HERE, "outcome", "d")) == ordered
        assert list(store.facts_of("default", "outcome")) == ordered

    def test_a_window_has_its_start_and_not_its_end(self, store: Store) -> None:
        """Facts are those with since <= at < until."""
        with store.write() as writing:
            for number in range(5):
                at = 1.7e9 + number / 4
                body = b"%d" % number
                writing.add_fact(HERE, "signal", f"{number}", body, subject="u", at=at)
        with store.read() as reading:
            found = reading.facts(HERE, "signal", "u", since=1.7e9 + 0.25, until=1.7e9 + 0.75)
            assert list(found) == [b"1", b"2"]

    def test_facts_refer_to_one_other(self, store: Store) -> None:
        """`referring` gives the facts that name the reference; no reference is none."""
        with store.write() as writing:
            writing.add_fact(HERE, "outcome", "1", b"1", subject="u", at=1.0, ref="d")
            writing.add_fact(HERE, "outcome", "2", b"2", subject="u", at=2.0, ref="e")
            writing.add_fact(HERE, "outcome", "3", b"3", subject="v", at=3.0, ref="d")
            writing.add_fact(HERE, "outcome", "4", b"4", subject="v", at=4.0)
        with store.read() as reading:
            assert list(reading.referring(HERE, "outcome", "d")) == [b"1", b"3"]
            assert list(reading.referring(HERE, "outcome", "")) == []

    def test_a_scan_gives_all_facts_of_a_tenant(self, store: Store) -> None:
        """`facts_of` gives each fact of tenant and kind once, by (at, id) within each bucket."""
        with store.write() as writing:
            for number in range(30):
                for bucket in (0, 7, 1023):
                    place = (bucket, "default")
                    body = f"{bucket} {29 - number:02}".encode()
                    at = float(29 - number)
                    writing.add_fact(place, "signal", f"{number}", body, subject="u", at=at)
            writing.add_fact(HERE, "outcome", "o", b"outcome", subject="u", at=1.0)
            writing.add_fact((7, "other"), "signal", "s", b"other", subject="u", at=1.0)
        found = [body.decode().split() for body in store.facts_of("default", "signal")]
        for name in ("0", "7", "1023"):
            assert [at for each, at in found if each == name] == [f"{n:02}" for n in range(30)]
        assert len(found) == 90

    # Persons, sums, trials, settings

    def test_the_version_of_a_person_rises(self, store: Store) -> None:
        """Each change gives a document a greater version, told by `person` and `version` alike."""
        versions = []
        for body in (b"1", b"2", b"2"):
            with store.write() as writing:
                versions.append(writing.put_people([(HERE, "u", body)])[0])
            with store.read() as reading:
                assert reading.person(HERE, "u") == (versions[-1], body)
                assert reading.version(HERE, "u") == versions[-1]
        assert 0 < versions[0] < versions[1] < versions[2]

    def test_many_people_are_set_at_once(self, store: Store) -> None:
        """Each document is its subject's own, whatever their number, with its own new version."""
        places = (HERE, *ELSEWHERE)
        documents = [
            (place, f"u-{number}", b"%d %d" % (number, place[0]))
            for number in range(90)
            for place in places
        ]
        with store.write() as writing:
            first = writing.put_people(documents)
            assert writing.put_people([]) == []
        with store.write() as writing:
            [again] = writing.put_people([(HERE, "u-7", b"again")])
        with store.read() as reading:
            for (place, name, body), version in zip(documents, first, strict=True):
                if (place, name) == (HERE, "u-7"):
                    assert again > version
                    assert reading.person(place, name) == (again, b"again")
                else:
                    assert reading.person(place, name) == (version, body)

    def test_a_person_is_in_one_place(self, store: Store) -> None:
        """A subject of the same name in another bucket or tenant is someone else."""
        with store.write() as writing:
            writing.put_people([(HERE, "u", b"here")])
        with store.read() as reading:
            for place in ELSEWHERE:
                assert reading.person(place, "u") is None
                assert reading.version(place, "u") == 0

    def test_sums_add_up(self, store: Store) -> None:
        """What is added under a key is added to what was there, each name for itself."""
        for deltas in ({"shown": 1.0, "eta.bias": 0.1}, {"eta.bias": 0.2}, {"shown": -3.5}, {}):
            with store.write() as writing:
                writing.add_sums("default", "hero", deltas)
        with store.read() as reading:
            assert reading.sums("default", "hero") == {"shown": -2.5, "eta.bias": 0.1 + 0.2}
            assert reading.sums("default", "none") == {}
            assert reading.sums("other", "hero") == {}

    def test_sums_given_are_the_askers(self, store: Store) -> None:
        """Changing the dict that was given does not change what is stored."""
        with store.write() as writing:
            writing.add_sums("default", "hero", {"shown": 1.0})
        with store.read() as reading:
            reading.sums("default", "hero")["shown"] = 9.0
            assert reading.sums("default", "hero") == {"shown": 1.0}

    def test_a_trial_is_set_and_dropped(self, store: Store) -> None:
        """A trial comes back whole, is replaced by (experiment, epoch, subject) and can go."""
        kept = evolve(TRIAL, epoch="2")
        values = {"orders": (23.9, 2, 0.5), "visits": (0.0, 0, 1e-9)}
        later = evolve(TRIAL, arm="treated", left_at=9.5, opened_by="anon-1", values=values)
        with store.write() as writing:
            for trial in (TRIAL, kept, later):
                writing.put_trial(HERE, "default", trial)
            writing.put_trial(HERE, "default", evolve(TRIAL, experiment="slot:hero"))
            writing.put_trial((7, "other"), "other", evolve(TRIAL, subject="u-2"))
        with store.read() as reading:
            found = sorted(reading.trials("default", "global"), key=lambda trial: trial.epoch)
        assert found == [later, kept]
        with store.write() as writing:
            for _ in range(2):
                writing.drop_trial(HERE, "default", TRIAL)
            assert list(writing.trials("default", "global")) == [kept]
        with store.read() as reading:
            assert list(reading.trials("default", "global")) == [kept]

    def test_settings_are_found_by_their_beginning(self, store: Store) -> None:
        """`settings` gives those whose name begins with the text, taken literally."""
        names = ["a", "a%", "a%1", "a_", "ab", "A%", "b", "a%\U0010ffff"]
        with store.write() as writing:
            for name in names:
                writing.put_setting("default", name, name.encode())
            writing.put_setting("default", "a", b"new")
            writing.put_setting("other", "a%2", b"")
        with store.read() as reading:
            assert set(reading.settings("default", "a%")) == {"a%", "a%1", "a%\U0010ffff"}
            assert set(reading.settings("default", "")) == set(names)
            assert reading.setting("default", "a") == b"new"
            assert reading.setting("other", "a") is None

    # Text and numbers

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    def test_any_text_is_a_name(self, store: Store, text: str) -> None:
        """Any Unicode text names a tenant, subject, fact, key, setting or trial, exactly."""
        place = (7, text)
        trial = evolve(TRIAL, experiment=text, epoch=text, subject=text, arm=text)
        with store.write() as writing:
            writing.add_fact(place, "signal", text, b"body", subject=text, at=1.0, ref=f"{text}.")
            version = writing.put_people([(place, text, b"body")])[0]
            writing.add_sums(text, text, {text: 1.0})
            writing.put_trial(place, text, trial)
            writing.put_setting(text, text, b"body")
        with store.read() as reading:
            assert reading.known(place, "signal", [text, f"{text}.", text[:1] + "~"]) == {text}
            assert list(reading.facts(place, "signal", text)) == [b"body"]
            assert list(reading.referring(place, "signal", f"{text}.")) == [b"body"]
            assert reading.person(place, text) == (version, b"body")
            assert reading.sums(text, text) == {text: 1.0}
            assert list(reading.trials(text, text)) == [trial]
            assert reading.settings(text, text) == {text: b"body"}
        assert list(store.facts_of(text, "signal")) == [b"body"]

    def test_a_lone_surrogate_is_refused(self, store: Store) -> None:
        """Text that has no UTF-8 is refused in words, and undoes its transaction."""
        steps: tuple[Callable[[Writing], object], ...] = (
            lambda writing: writing.add_fact(HERE, "signal", "\ud800", b"", subject="u", at=1.0),
            lambda writing: writing.put_people([(HERE, "a\udfff", b"1")]),
        )
        for step in steps:
            with pytest.raises(BackendRejectedError, match="surrogate"):
                attempt(store, lambda writing: writing.put_people([(HERE, "u", b"1")]), step)
        with store.read() as reading:
            assert reading.person(HERE, "u") is None

    @pytest.mark.parametrize("number", [nan, inf, -inf])
    def test_a_number_that_is_none_is_refused(self, store: Store, number: float) -> None:
        """NaN and infinities are neither instants nor added to sums."""
        with pytest.raises(BackendRejectedError, match="finite"), store.write() as writing:
            writing.add_sums("default", "hero", {"shown": 1.0, "eta": number})
        with pytest.raises(BackendRejectedError, match="finite"), store.write() as writing:
            writing.add_fact(HERE, "signal", "s", b"", subject="u", at=number)
        with store.read() as reading:
            assert reading.sums("default", "hero") == {}
