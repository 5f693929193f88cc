"""`clew demo` opens the shop, sends visitors, measures, and is honest about what it is."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from click.testing import Result

from clew.cli.demo import command
from clew.cli.demo.command import Plan
from clew.cli.demo.screen import screen
from clew.cli.demo.shop import HERO, OBJECTIVE, open_shop
from clew.cli.show import console
from clew.errors import ConfigurationError
from clew.model.measurement import Measurement
from clew.testing import HandClock
from cli.demos import browser, play

Run = Callable[..., Result]


def plan(**asked: Any) -> Plan:
    """A run over HTTP that ends soon: an order counts for a tenth of a second."""
    usual = {"port": 0, "visitors": 4, "once": True, "null": False, "seed": 7, "as_json": False}
    return Plan(**{**usual, "window_seconds": 0.1, **asked})


def drawn(found: Measurement) -> dict[str, int]:
    """How often each creative was drawn, in all slots."""
    return {one.creative: one.decisions for one in found.creatives}


# -- the command


def test_it_ends_with_everybody_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Over HTTP, `--once` says where to look, waits for the last window, and what to try next."""
    command.run(plan())
    said = capsys.readouterr().out
    for part in (
        "A pizza shop is open at http://127.0.0.1:",
        "/_clew/why",
        "/_clew/measure",
        "traffic is synthetic, in the tenant 'demo'",
        "counts for 0.1 s",
        "4 simulated visitors",
        "maturing (still inside their window): 0",
        "matured lift against the holdout: no interval before",
    ):
        assert part in said
    assert "in two browsers" not in said  # it does not stay
    _, _, after = said.partition("Try next:")
    assert len(after.strip().splitlines()) == 3


def test_json_is_the_measurement_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` stdout holds one document: the measurement."""
    command.run(plan(as_json=True))
    found = json.loads(capsys.readouterr().out)
    assert (found["objective"], found["holdout"]) == (OBJECTIVE, "global")
    assert sum(arm["subjects"] for arm in found["arms"]) > 0


def test_a_taken_port_is_one_line(run: Run) -> None:
    """A port that is taken is said in one line with a way out, and the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("demo", "--once", "--port", port)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"clew: port {port} is taken; name another with --port, or 0 for any that is free\n"
    )


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's library the message says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match=r"uvicorn is not installed.*'\.\[all\]'"):
        open_shop("memory://", seed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="there it has no such signals")
@pytest.mark.parametrize(
    ("end", "behind_a_shell"),
    [
        pytest.param("SIGINT", False, id="ctrl-c"),
        pytest.param("SIGTERM", False, id="terminated"),
        pytest.param("SIGTERM", True, id="terminated-in-the-background"),
        pytest.param("SIGHUP", False, id="window-closed"),
    ],
)
def test_it_is_ended_well(end: str, *, behind_a_shell: bool, tmp_path: Path) -> None:
    """Whatever ends an endless run, the last figures are there, nothing is left, the code is 0."""
    clew = Path(sys.executable).with_name("clew")
    words = [str(clew), "demo", "--port", "0"]
    if behind_a_shell:  # `&` in a script leaves a program deaf to Ctrl-C
        words = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *words]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with Popen(words, stdout=PIPE, stderr=PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        while "counts for 30 s" not in child.stdout.readline():
            assert child.poll() is None
        assert [path.name.startswith("clew-demo-") for path in tmp_path.iterdir()] == [True]
        child.send_signal(signal.Signals[end])
        said, faults = child.communicate(timeout=30)
    assert (child.returncode, faults) == (0, "")
    assert "simulated visitor" in said
    assert "Try next:" in said
    assert list(tmp_path.iterdir()) == []


# -- the visitors


def test_a_seed_gives_the_same_run() -> None:
    """The same seed sends the same visitors and draws the same; another one does not."""
    one, same, other = (play(seed, visitors=60) for seed in (1, 1, 2))
    assert one.found.arms == same.found.arms
    assert drawn(one.found) == drawn(same.found) != drawn(other.found)
    assert one.visitors.orders == same.visitors.orders


def test_everybody_who_allows_it_is_counted() -> None:
    """At the end each who consented has an arm and is mature (M5), and nobody else has."""
    played = play(3, visitors=80)
    assert [arm.maturing for arm in played.found.arms] == [0, 0]
    assert 0 < sum(arm.subjects for arm in played.found.arms) < played.visitors.count == 80


def test_what_was_seen_is_reported() -> None:
    """All that pages show is displayed, so each learns; lost is only what had no consent."""
    played = play(3, visitors=40)
    for slot in (HERO, "pizza_upsell"):
        shown = [one for one in played.found.creatives if one.slot == slot]
        assert sum(one.displays for one in shown) == sum(one.decisions for one in shown) > 0
    assert played.losses.keys() <= {"no_subject"}


@pytest.mark.parametrize(
    ("told", "excluded"), [("ours", {}), ("wrong", {"bot": 2})], ids=["marked", "forged"]
)
def test_only_the_simulation_marks_itself(told: str, excluded: dict[str, int]) -> None:
    """A program that calls itself simulated without this run's secret is what it is: a bot."""
    shop = open_shop("memory://", seed=1, clock=HandClock())
    name, secret = next(iter(shop.mark.items()))
    marked = {name: secret if told == "ours" else "x" * len(secret)}

    async def ask() -> None:
        async with browser(shop, **marked) as http:
            await http.get("/", headers={"user-agent": "curl/8.0"})

    with shop.client:
        asyncio.run(ask())
        (found,) = shop.client.measure(OBJECTIVE)
    assert found.excluded == excluded


# -- what is shown


def test_the_screen_tells_who_is_maturing() -> None:
    """While it runs the screen shows the treated's traffic, and how many are still maturing."""
    played = play(3, visitors=20, mature=False)
    picture = console()
    with picture.capture() as captured:
        picture.print(screen(played.visitors, played.found, waiting="a moment"))
    said = captured.get()
    inside = sum(arm.maturing for arm in played.found.arms)
    assert inside > 0
    assert f"maturing (still inside their window): {inside}" in said
    allowing = sum(arm.subjects for arm in played.found.arms)
    assert f"20 simulated visitors, {allowing} who allowed it and are measured" in said
    assert "a moment" in said
    assert sum(played.visitors.shares.values()) == pytest.approx(1.0)
