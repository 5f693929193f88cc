"""
Every check of clew, each runnable alone: `nox -s tests`, or all that need no asking: `nox`.

pyproject.toml is the one place that says which Pythons are supported and what each check needs.
The checks meet clew as its users do: built and installed, not lying in the tree.
"""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"  # the first with nox.project.dependency_groups
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "typing", "examples", "package"]

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """The requirements of a dependency group (PEP 735), for a pip of any age."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; arguments go to pytest: `nox -s tests -- -k x`."""
    session.install(".[all]", *group("tests"))
    session.run("pytest", "--numprocesses", "auto", *session.posargs)


# `nox -s tests` needs no Python but the one that runs it; `nox -s tests-3.13` asks for another.
for version in nox.project.python_versions(PYPROJECT):
    nox.session(tests.func, python=version, name=f"tests-{version}")


@nox.session
def slow(session: nox.Session) -> None:
    """Run the simulations of full size, which take minutes."""
    session.install(".[all]", *group("tests"))
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Run what needs a browser: Debian's Chromium, or whatever `chromium` is on the path."""
    session.install(".[all]", *group("tests"), *group("browser"))
    session.run("pytest", "-m", "browser", "tests/browser", *session.posargs)


@nox.session
def nginx(session: nox.Session) -> None:
    """Run what needs nginx, as a shared cache before a server."""
    session.install(".[all]", *group("tests"))
    session.run("pytest", "-m", "nginx", "tests/nginx", *session.posargs)


@nox.session
def server(session: nox.Session) -> None:
    """Run unmodified clients of other makers against a server, and clew in theirs."""
    session.install(".[all]", *group("tests"), *group("server"))
    session.run(
        "pytest",
        *("-m", "server", "--numprocesses", "auto", "tests/edge/service", "tests/delivery/faults"),
        *session.posargs,
        env={"NODE_PATH": node_clients(session)},
    )


def node_clients(session: nox.Session) -> str:
    """Install the clients for Node.js; gives where it finds them, if there is an npm."""
    work = Path(session.create_tmp()).resolve()
    if shutil.which("npm") is None:
        session.warn("no npm: the clients for Node.js are not tried")
    else:
        shutil.copy(ROOT / "tests/edge/service/node/package.json", work)
        quiet = ("--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
        session.run("npm", "install", *quiet, "--prefix", str(work), external=True)
    return str(work / "node_modules")


@nox.session
def lint(session: nox.Session) -> None:
    """Check the form of every file: `ruff format` and all rules of `ruff check`."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of both packages, and of the public API as an application uses it."""
    session.install(".[all]", *group("tests"), *group("typing"))
    session.run("mypy")
    session.run("mypy", "tests/typing")


@nox.session
def examples(session: nox.Session) -> None:
    """Run every example alone, in a folder that holds nothing else; a warning is an error."""
    session.install(".[all]", *group("tests"), *group("examples"))
    session.run("pytest", "tests/examples", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist, from it the wheel, and try the wheel where nothing else is installed."""
    session.install("build")
    work = Path(session.create_tmp()).resolve()
    shutil.rmtree(work / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(work / "dist"))  # the wheel of the sdist
    [wheel] = (work / "dist").glob("*.whl")

    session.run("python", "-m", "venv", "--clear", str(work / "venv"))
    python = str(work / "venv" / "bin" / "python")

    def fresh(*arguments: str) -> None:
        with session.chdir(work):
            session.run(python, *arguments, external=True)

    fresh("-m", "pip", "install", "--quiet", str(wheel))
    fresh("-W", "error", "-c", "import clew; clew.open_backend('memory://')")
    fresh("-m", "pip", "install", "--quiet", f"{wheel}[all]")
    fresh("-W", "error", "-c", "import clew, clew_edge")
    session.run(str(work / "venv" / "bin" / "clew"), "--version", external=True)
    fresh("-m", "pip", "install", "--quiet", *group("tests"))
    fresh("-m", "pytest", "-c", str(ROOT / "pyproject.toml"), str(ROOT / "tests/test_package.py"))


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; `nox -s bench -- --check` fails when one is far over its floor."""
    session.install(".[all]", *group("tests"), *group("bench"))
    for file in sorted((ROOT / "tests/bench").glob("bench_*.py")):
        session.run(
            "python", "-m", f"bench.{file.stem}", *session.posargs, env={"PYTHONPATH": "tests"}
        )
