"""Whoever replaces a key, or corrects a URL, is told of what was on its way with the old one."""

import pytest

from clew import Client
from clew.backends.http.address import read_address
from clew.delivery.spool import Spool


@pytest.fixture
def url(remote, tmp_path, monkeypatch):
    """The server's URL, in a working folder in which nothing lies yet."""
    monkeypatch.chdir(tmp_path)
    return remote.server.url


def leave_behind(folder):
    """What a dead process has left in a spool; gives that of a living one."""
    spool = Spool(folder / "of-default")
    spool.append(b"{}", 0.0)
    return spool


@pytest.mark.parametrize("host", ["127.0.0.1", "nohost.invalid"], ids=["key", "host"])
def test_what_another_client_left_behind_is_told_of(url, caplog, host):
    """The message says where it waits and who knows more; an empty spool is nobody's."""
    own = read_address(url).folder
    other = own.with_name(f"clew-{host}-0123456789ab.spool")
    leave_behind(other).forget()
    empty = Spool(own.with_name("clew-127.0.0.1-ba9876543210.spool") / "of-default")
    empty.settle([empty.append(b"{}", 0.0).unsettled])
    empty.forget()
    Client(url).close()
    [said] = [record.getMessage() for record in caplog.records if "another key" in record.message]
    assert said.startswith(f"facts wait in {other.name} of {other.absolute().parent} ")
    assert "`clew doctor`" in said


@pytest.fixture
def six(url):
    """What six clients have left behind whose keys were mistyped."""
    own = read_address(url).folder
    for number in range(6):
        leave_behind(own.with_name(f"clew-127.0.0.1-{number:012}.spool")).forget()


@pytest.mark.usefixtures("six")
def test_what_many_left_behind_is_one_line(url, caplog, tmp_path):
    """However many there are, they are counted in one short line, which says who names them."""
    Client(url).close()
    [said] = [one for one in caplog.messages if "another key" in one]
    assert said.startswith(f"facts wait in 6 folders clew-*.spool of {tmp_path} ")
    assert len(said) - len(str(tmp_path)) < 200


@pytest.mark.usefixtures("six")
def test_commands_say_nothing_of_others(url, remote, caplog):
    """A command answers what it is asked; `clew doctor` alone names what others left behind."""
    pytest.importorskip("rich", reason="the commands need the extra cli")
    from click.testing import CliRunner

    from clew.cli.app import app

    remote.allow("u-1")
    runner = CliRunner()
    decided = runner.invoke(app, ["decide", "hero", "--subject", "u-1", "--backend", url])
    assert (decided.exit_code, decided.stderr) == (0, "")
    assert "another key" not in caplog.text
    looked = runner.invoke(app, ["doctor", "--backend", url])
    assert looked.stdout.count("facts wait in clew-127.0.0.1-0") == 6
    Client(url).close()
    assert "another key" in caplog.text


@pytest.mark.parametrize("spool", [None, "elsewhere"])
def test_what_somebody_delivers_is_not_told_of(url, caplog, spool):
    """A living process delivers its own; nor is anything told where the spool is elsewhere."""
    own = read_address(url).folder
    living = leave_behind(own.with_name("clew-127.0.0.1-0123456789ab.spool"))
    if spool is not None:
        living.forget()
    Client(url, spool=spool).close()
    assert "another key" not in caplog.text
