"""Where a secret stands in what an error tracker would capture: the locals of each frame, and what the error says."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any

import attrs

from tonicdm.values import Shown

DEPTH = 6


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it names as cause or context."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """Yield the frames of a traceback."""
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def holds(value: Any, secret: str, depth: int = DEPTH) -> bool:
    """Tell whether a value shows *secret*: as a text, in its repr, or in what it contains."""
    if isinstance(value, str):
        return secret in value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return secret.encode() in bytes(value)
    try:
        if secret in repr(value):
            return True
    except Exception:  # noqa: BLE001 - a repr of somebody else's
        return False
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return any(holds(one, secret, depth - 1) for pair in list(value.items()) for one in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(holds(one, secret, depth - 1) for one in value)
    if attrs.has(type(value)):
        return any(holds(getattr(value, field.name, None), secret, depth - 1) for field in attrs.fields(type(value)))
    if isinstance(value, Shown):
        return any(holds(getattr(value, name, None), secret, depth - 1) for name in value.__slots__)
    own = getattr(value, "headers", None)
    return own is not None and holds(own, secret, depth - 1)


def leaks(error: BaseException, secret: str, *, ours: str = "tonicdm/") -> list[str]:
    """Return where *secret* can be found in an error: texts, attributes, and frames of this package and of aiohttp."""
    found: list[str] = []
    for one in chain(error):
        shown = f"{one!s}\n{one!r}\n{one.args!r}\n{getattr(one, '__notes__', ())!r}"
        if secret in shown:
            found.append(f"text of {type(one).__name__}")
        found += [f"{type(one).__name__}.{name}" for name, value in vars(one).items() if holds(value, secret)]
        for frame in frames(one.__traceback__):
            path = frame.f_code.co_filename
            if ours in path.replace("\\", "/") or "/aiohttp/" in path:
                where = f"{path.rsplit('/', 1)[-1]}:{frame.f_lineno} {frame.f_code.co_name}"
                found += [f"{where}: {name}" for name, value in list(frame.f_locals.items()) if holds(value, secret)]
    if secret in "".join(traceback.format_exception(error)):
        found.append("formatted traceback")
    return found
