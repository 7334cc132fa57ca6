"""Names of this start of the machine and numbers of a new file: what was noted in others means something else."""

from __future__ import annotations

import pathlib
import secrets

from tonicdm.clock import SystemClock


def random_first_number() -> int:
    """Choose the first number of a new file's reservations, so that none of an older file has the same."""
    return 1 + (secrets.randbelow(1 << 40) << 20)


_boot_id: str | None = None


def boot_id() -> str:
    """Name this start of the machine: monotonic times of another one mean nothing."""
    global _boot_id  # noqa: PLW0603 - read once, it never changes while a process lives
    if _boot_id is None:
        try:
            _boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            # Elsewhere than on Linux: the same machine start if the monotonic clock's zero lies at the same minute.
            clock = SystemClock()  # time.monotonic stands still while a Mac sleeps
            _boot_id = f"zero-{round((clock.now() - clock.monotonic()) / 600)}"
    return _boot_id
