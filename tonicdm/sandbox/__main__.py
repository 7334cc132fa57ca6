"""Run a sandbox as a process of its own: ``python -m tonicdm.sandbox --port 8080 --records 1000``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Any

from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings
from tonicdm.sandbox.sandbox import Sandbox
from tonicdm.sandbox.settings import SandboxSettings, ServerSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sandbox until SIGINT or SIGTERM; print its URL once it answers, and what a Rhythm client needs besides.

    Args:
        arguments: Command line, that of the process when not given.

    Returns:
        Exit code: 0, or 2 for arguments it cannot follow.
    """
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(_box(options)))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _box(options: argparse.Namespace) -> Sandbox | RhythmSandbox:
    """Return the server that the command line describes.

    Raises:
        ValueError: An option or a setting is not one of its own.
    """
    place = {"records": options.records, "seed": options.seed, "host": options.host, "port": options.port}
    if options.rhythm:
        rhythm = RhythmSettings()
        rhythm.update(_chosen(options, rhythm))
        return RhythmSandbox(settings=rhythm, **place)
    settings = SandboxSettings()
    settings.update(_chosen(options, settings))
    return Sandbox(settings=settings, **place)


async def _run(box: Sandbox | RhythmSandbox) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # event loops of Windows take no signals, but are woken by them
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    async with box:
        sys.stdout.write(f"{box.url}\n")
        if isinstance(box, RhythmSandbox):
            sys.stdout.writelines(f"export {name}='{value}'\n" for name, value in box.environment.items())
        sys.stdout.flush()
        await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tonicdm.sandbox", description="Run a local TonicDM server.")
    parser.add_argument("--rhythm", action="store_true", help="run a Rhythm server instead")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--records", type=int, default=1_000, help="records over all types; contacts of Rhythm")
    parser.add_argument("--seed", type=int, default=1, help="seed of the records and of chance")
    parser.add_argument("--limit", type=int, help="units of a window")
    parser.add_argument("--window", type=float, help="length of a window in seconds")
    parser.add_argument("--token", action="append", help="accepted bearer token; may be repeated")
    parser.add_argument("--zone", help="zone this server stands for")
    parser.add_argument("--latency", type=float, nargs=2, metavar=("SHORTEST", "LONGEST"), help="seconds per call")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    return parser


def _chosen(options: argparse.Namespace, settings: ServerSettings) -> dict[str, Any]:
    """Return the settings named on the command line.

    Raises:
        ValueError: NAME=VALUE has no "=", or something names no setting of this server.
    """
    named = {
        "limit": options.limit,
        "window_seconds": options.window,
        "tokens": options.token,
        "zone": options.zone,
        "latency_seconds": options.latency,
    }
    chosen = {name: value for name, value in named.items() if value is not None}
    defaults = settings.as_json()
    if foreign := sorted(set(chosen) - set(defaults)):
        raise ValueError(f"a Rhythm server has no {', '.join(foreign)}")
    for pair in options.set:
        name, sign, text = pair.partition("=")
        if not sign or name not in defaults:
            raise ValueError(f"--set {pair}: NAME=VALUE with one of {', '.join(defaults)}")
        chosen[name] = _value(text, defaults[name])
    return chosen


def _value(text: str, default: Any) -> Any:
    """Return a text as the type of a setting's default."""
    if isinstance(default, bool):
        return text.lower() in {"1", "true", "yes", "on"}
    if isinstance(default, list | tuple):
        parts = text.split(",") if text else []
        return [type(default[0])(part) for part in parts] if default else parts
    if isinstance(default, int) or (default is None and text.isdigit()):
        return int(text)
    return float(text) if isinstance(default, float) else text


if __name__ == "__main__":
    sys.exit(main())
