"""`clew policy` checks, describes, builds and publishes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from clew import Client
from clew.backends.embedded import Embedded
from clew.policy import build_bundle, load_policy

Run = Callable[..., Result]


def change(policy: Path, **fields: object) -> None:
    """Set fields of a policy file."""
    document = {**json.loads(policy.read_text()), **fields}
    policy.write_text(json.dumps(document), encoding="utf-8")


def test_a_sound_policy_passes(run: Run, policy: Path) -> None:
    """A policy without faults is told with its digest."""
    result = run("policy", "check", policy)
    assert result.exit_code == 0
    assert load_policy(policy).sha256 in result.stdout


def test_every_fault_is_told(run: Run, policy: Path) -> None:
    """Each fault has a line with file, pointer and sentence, and the exit code is 1."""
    segments = [{"id": "a", "when": {"plus": [1]}}, {"id": "a", "when": True}]
    change(policy, segments=segments)
    result = run("policy", "check", policy)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("policy.json /") for line in lines)


def test_faults_for_a_script(run: Run, policy: Path) -> None:
    """With --json faults have file, pointer, keyword and message."""
    change(policy, locales=["en"])
    result = run("policy", "check", policy, "--json")
    assert result.exit_code == 1
    [fault] = json.loads(result.stdout)["problems"]
    assert (fault["file"], fault["pointer"]) == ("policy.json", "/locales")


def test_describe_speaks_in_sentences(run: Run, policy: Path) -> None:
    """A description is one sentence per line."""
    lines = run("policy", "describe", policy).stdout.splitlines()
    assert lines[0] == "This is version 1 of the policy till."
    assert all(line.endswith(".") for line in lines)


def test_build_writes_the_bundle(run: Run, policy: Path, folder: Path) -> None:
    """The bundle is canonical, the same on stdout and in a file, and its digest is told."""
    to_file = run("policy", "build", policy, "-o", "bundle.json")
    written = (folder / "bundle.json").read_bytes()
    assert written == build_bundle(load_policy(policy))
    assert run("policy", "build", policy).stdout_bytes == written
    assert to_file.stderr == f"sha256 {hashlib.sha256(written).hexdigest()}\n"


def test_publish_makes_it_live(run: Run, policy: Path) -> None:
    """Publishing goes live, and says what was live before."""
    assert "till 1 is live" in run("policy", "publish", policy).stdout
    change(policy, version="2")
    assert "till 2 is live (before: till 1)" in run("policy", "publish", policy).stdout


def test_publish_over_one_that_cannot_be_read(run: Run, policy: Path, folder: Path) -> None:
    """What this version cannot read is named by `doctor`, and another is published over it."""
    run("policy", "publish", policy)
    with Client("sqlite:///clew.db") as client:
        backend = client._core.backend
        assert isinstance(backend, Embedded)
        with backend.store.write() as write:
            write.put_setting("default", "policy.live", b"till 9")
    assert "policy till 9 cannot be read" in " ".join(run("doctor").output.split())
    change(policy, version="2")
    assert "till 2 is live (before: till 9)" in run("policy", "publish", policy).stdout


def test_a_rule_nested_too_deep(run: Run, policy: Path) -> None:
    """A rule of 200 operators is a fault with its file and place."""
    when: object = True
    for _ in range(200):
        when = {"!": [when]}
    change(policy, segments=[{"id": "deep", "when": when}])
    result = run("policy", "check", policy)
    assert result.exit_code == 1
    assert result.stdout.startswith("policy.json /segments/0/when/!/0/!")
    assert "split" in result.stdout


def test_a_version_keeps_its_content(run: Run, policy: Path) -> None:
    """The same version with other content is refused with what to do."""
    run("policy", "publish", policy)
    change(policy, traffic=["human", "synthetic"])
    result = run("policy", "publish", policy)
    assert result.exit_code == 1
    assert "give the changed policy a new version" in result.stderr
