"""The benchmark harness, on a clock that only the contenders move."""

from collections.abc import Callable

import pytest

from bench.harness import Timing, compare, over, table, time_in_bursts, time_in_turns


class Ticks:
    """A timer in nanoseconds whose contenders take what they are told to."""

    def __init__(self) -> None:
        self.now = 0
        self.order: list[str] = []

    def __call__(self) -> int:
        return self.now

    def contender(self, name: str, *costs: int) -> Callable[[], None]:
        """A call which takes each of the costs in turn, and then the last for good."""
        left = list(costs)

        def call() -> None:
            self.now += left.pop(0) if len(left) > 1 else left[0]
            self.order.append(name)

        return call


def test_contenders_take_turns() -> None:
    """Each round runs every contender, so that a drift of the machine meets all alike."""
    ticks = Ticks()
    second = 1_000_000_000
    contenders = {name: ticks.contender(name, second) for name in ("floor", "ours")}
    time_in_turns(contenders, rounds=3, timer=ticks)
    assert ticks.order == ["floor", "ours"] * 4  # once to find the batch, then the rounds


def test_the_least_and_the_middle_are_told() -> None:
    """The timing holds the minimum and the median of a call over the rounds."""
    ticks = Ticks()
    second = 1_000_000_000
    uneven = ticks.contender("ours", 9 * second, 3 * second, 7 * second, 4 * second)
    timings = time_in_turns({"ours": uneven}, rounds=3, timer=ticks)
    assert timings == {"ours": Timing(minimum=3 * second, median=4 * second)}


def test_a_fast_call_is_timed_in_batches() -> None:
    """The time is that of one call, however many fill a round."""
    ticks = Ticks()
    timings = time_in_turns({"ours": ticks.contender("ours", 500)}, rounds=2, timer=ticks)
    assert timings == {"ours": Timing(minimum=500, median=500)}
    assert len(ticks.order) > 40_000


def test_the_table_gives_the_ratio() -> None:
    """The table has a line per contender with its ratio to the floor."""
    lines = table("Decide", {"floor": Timing(1000, 1100), "ours": Timing(2500, 2600)}, "floor")
    assert lines.splitlines()[1].split() == ["floor", "1.00", "1.10", "1.00"]
    assert lines.splitlines()[2].split() == ["ours", "2.50", "2.60", "2.50"]


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        pytest.param(3000, [], id="within"),
        pytest.param(5900, [], id="over-but-not-far"),
        pytest.param(6100, ["ours takes 6.1 times floor; its limit is 3"], id="far-over"),
    ],
)
def test_only_far_over_is_over(ours: float, said: list[str]) -> None:
    """A limit is broken at twice of it, for less may be the machine."""
    timings = {"floor": Timing(1000, 1000), "ours": Timing(ours, ours)}
    assert over(timings, "floor", {"ours": 3}) == said


def test_check_fails_a_broken_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--check` a limit far exceeded ends the process with its name; without, it is told."""
    contenders = {"floor": int, "ours": lambda: sum(range(2000))}
    compare("Sums", contenders, floor="floor", at_most={"ours": 0.01}, arguments=[])
    assert "ours" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="ours takes"):
        compare("Sums", contenders, floor="floor", at_most={"ours": 0.01}, arguments=["--check"])


def test_single_calls_are_timed_between_pauses() -> None:
    """In bursts each call is timed alone, and what runs between is not timed."""
    ticks = Ticks()
    uneven = ticks.contender("ours", 3, 1, 2)
    pause = ticks.contender("pause", 1_000)
    timings = time_in_bursts({"ours": uneven}, between=pause, bursts=2, calls=2, timer=ticks)
    assert ticks.order == ["pause", "ours", "ours"] * 2
    assert timings == {"ours": Timing(minimum=1, median=2)}
