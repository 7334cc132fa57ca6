"""The project's tasks. ``nox -s tests`` is the test command of the README."""

import os
import pathlib
import shutil

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "venv"

PROJECT = nox.project.load_toml("pyproject.toml")

EXTRAS = "cli,duckdb,arrow,pandas,dlt,keyring,orjson,otel,postgres,jobs"
"""All that the tests of an installed copy use."""

WORKERS = max(4, os.cpu_count() or 1)
SIDE_BY_SIDE = ("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart=0")
"""Each file in one worker, and workers enough that some compute while others wait for processes and windows.

A worker that died ends the run: its file would be begun anew, and it die again, for ever. ``nox -s tests -- -n 0``
runs all in one process.
"""

PATIENCE = ("-o", "faulthandler_timeout=7200")
"""How long a test may take that is no test of the suite (`pyproject.toml` says it of those)."""

PURE_CORES = PROJECT["tool"]["tonicdm"]["pure-cores"]
"""Modules of rules, all of whose branches the tests take (`pyproject.toml` names them)."""


def run_tests(session: nox.Session, *command: str) -> None:
    """Run *command* with the arguments of the session behind it; what pytest makes of the tests' modules is kept."""
    session.run(*command, *session.posargs, env={"PYTHONDONTWRITEBYTECODE": None})


def groups(*names: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, *names) if names else []


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite against an installed copy of the package."""
    session.install(f".[{EXTRAS}]", *groups("tests"))
    run_tests(session, "pytest", *SIDE_BY_SIDE)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def versions(session: nox.Session) -> None:
    """Run the test suite on each supported Python that is installed here."""
    session.install(f".[{EXTRAS}]", *groups("tests"))
    run_tests(session, "pytest", *SIDE_BY_SIDE)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the test suite with the oldest dependencies that are allowed."""
    session.install("uv")
    session.run(
        "uv",
        "pip",
        "install",
        "--python",
        session.virtualenv.location,
        "--resolution",
        "lowest-direct",
        f".[{EXTRAS}]",
        "--group",
        "tests",
        silent=True,
    )
    run_tests(session, "pytest", *SIDE_BY_SIDE)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the test suite with branch coverage; fail below 95 % over all, or 100 % of the pure cores."""
    session.install(f".[{EXTRAS}]", *groups("tests", "coverage"))
    session.run("coverage", "erase")
    run_tests(session, "coverage", "run", "-m", "pytest", *SIDE_BY_SIDE)
    session.run("coverage", "combine")
    session.run("coverage", "report", "--skip-covered")
    session.run("coverage", "report", "--fail-under=100", "--include", ",".join(PURE_CORES))


@nox.session
def thorough(session: nox.Session) -> None:
    """Run what is too long for the ordinary tests: whole months, many kills, many examples."""
    session.install(f".[{EXTRAS}]", *groups("tests"))
    run_tests(session, "pytest", *SIDE_BY_SIDE, *PATIENCE, "-m", "thorough")


@nox.session
def property(session: nox.Session) -> None:  # noqa: A001 - the name users type
    """Run the state machines with many more examples than the ordinary tests do."""
    session.install(f".[{EXTRAS}]", *groups("tests"))
    session.run("pytest", "tests/property", "--hypothesis-profile=thorough", *PATIENCE, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*groups("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy."""
    session.install(f".[{EXTRAS},testing]", *groups("types", "tests"))
    session.run("mypy")


@nox.session
def pyright(session: nox.Session) -> None:
    """Check types with pyright, that every public name is typed, and what the checkers say of mistakes.

    It needs Node.js, or the network to get it.
    """
    session.install(f".[{EXTRAS},testing]", *groups("types", "tests"))
    session.run("pyright")
    session.run("pytest", "-m", "thorough", "tests/typing")
    session.run("pyright", "--verifytypes", "tonicdm", "--ignoreexternal")


@nox.session
def unused(session: nox.Session) -> None:
    """Find names that nothing uses."""
    session.install(f".[{EXTRAS},testing]", *groups("tests", "unused"))
    session.run("python", "-m", "tests.unused")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(".[cli,pandas]", *groups("docs"))
    session.run("sphinx-build", "-nW", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def linkcheck(session: nox.Session) -> None:
    """Follow the links of the documentation; needs the network."""
    session.install(".[cli,pandas]", *groups("docs"))
    session.run("sphinx-build", "-b", "linkcheck", "docs", "docs/_build/linkcheck")


@nox.session
def bench(session: nox.Session) -> None:
    """Print the benchmark tables: ours beside what it is compared to, in one run."""
    session.install(f".[{EXTRAS}]", *groups("tests", "bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Print what the budget and simpler policies make of hours of windows, in virtual time."""
    session.install(".[cli]", *groups("bench"))
    session.run("python", "-m", "benchmarks.simulator", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Hold the sandbox and the client against the reference by foreign tools: schemathesis, and Prism where npm is."""
    session.install(f".[{EXTRAS}]", *groups("tests", "conformance"))
    session.run("pytest", "-s", "tests/integration/conformance", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, then run the tests of the unpacked sdist against the installed wheel."""
    session.install("build", *groups("tests"))
    # Beside what is installed: a folder of `create_tmp` would be where the tests put their files, too.
    out = pathlib.Path(session.virtualenv.location).resolve() / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(out), ".")
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    session.install(f"{wheel}[{EXTRAS}]", "--force-reinstall")
    shutil.unpack_archive(archive, out)
    session.chdir(out / archive.name.removesuffix(".tar.gz"))
    run_tests(session, "pytest", *SIDE_BY_SIDE)
