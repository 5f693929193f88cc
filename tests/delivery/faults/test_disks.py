"""On a disk that refuses, what is delivered and what is counted as lost is what was emitted."""

import json
import shutil
import subprocess

import pytest

#: The disk is below what tells the clients apart.
pytestmark = pytest.mark.parametrize("world", ["Client"], indirect=True)

COUNT = 3_000


def check(world, told, count=COUNT):
    """Check that every fact was delivered once or is counted; gives the losses."""
    outcome = json.loads(told)
    taken = world.taken()
    assert outcome["remaining"] == 0
    assert len(taken) + sum(outcome["losses"].values()) == count
    assert set(taken.values()) == {1}
    return outcome["losses"]


@pytest.mark.parametrize(
    ("file_bytes", "pending_bytes", "losses"),
    [
        pytest.param(0, 10_000_000, set(), id="read-only"),
        pytest.param(100_000, 10_000_000, set(), id="full"),
        pytest.param(0, 200_000, {"no_disk"}, id="read-only, and memory is full"),
        pytest.param(10_000, 200_000, {"no_disk"}, id="full, and memory is full"),
    ],
)
def test_a_disk_that_refuses(world, file_bytes, pending_bytes, losses):
    """
    Facts go from memory; beyond its bound the oldest give way, and each is counted `no_disk`.

    Here no file may grow beyond a size (RLIMIT_FSIZE), while the server is away.
    """
    child = world.application("emit_on_a_small_disk", COUNT, file_bytes, pending_bytes)
    assert child.stdout.readline() == "emitted\n"
    with world.served():
        assert set(check(world, world.ended(child))) == losses


def test_a_disk_that_is_full(world):
    """The same on a file system of 256 KB, where there may be one."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mkdir -p {world.spool} && mount -t tmpfs -o size=256k tmpfs {world.spool}"
    if subprocess.run([*inside, mount], check=False, capture_output=True).returncode:
        pytest.skip("needs leave to mount a file system")
    command = " ".join(world.command("emit_on_a_full_disk", 2 * COUNT, 300_000))
    child = world.start([*inside, f"{mount} && exec {command}"])
    assert child.stdout.readline() == "emitted\n"
    with world.served():
        assert set(check(world, world.ended(child), 2 * COUNT)) == {"no_disk"}
