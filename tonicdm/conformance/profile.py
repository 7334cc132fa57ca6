"""A server's answers as a file that the client and the sandbox load. It holds no token and no record."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from tonicdm import disk
from tonicdm.config import PROFILE_VERSION
from tonicdm.conformance.state import Scalar, State
from tonicdm.errors import ConfigError

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

_HEAD: Final = """\
# How a TonicDM server answers where the API's documents leave a choice; written by `tonicdm conformance`.
# TonicDM(profile=...) and SandboxSettings.from_profile(...) read it.
"""


@attrs.frozen(kw_only=True)
class Profile:
    """What a run found out."""

    server: str
    """Scheme, host and port."""
    checked_at: datetime.datetime
    calls: int = 0
    units: int = 0
    """Units that the run cost, at most."""
    answers: Mapping[str, Scalar] = attrs.field(factory=dict)
    unsettled: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, state: State, *, server: str, checked_at: datetime.datetime) -> Self:
        """Make the profile of a finished run."""
        return cls(
            server=server,
            checked_at=checked_at,
            calls=state.calls,
            units=state.spent,
            answers=dict(sorted(state.answers.items())),
            unsettled=dict(sorted(state.unsettled.items())),
        )

    def to_toml(self) -> str:
        """Return the file's text."""
        lines = [
            _HEAD,
            "[profile]",
            f"version = {PROFILE_VERSION}",
            f"server = {_value(self.server)}",
            f"checked_at = {self.checked_at.astimezone(datetime.UTC).isoformat(timespec='seconds')}",
            f"calls = {self.calls}",
            f"units = {self.units}",
        ]
        for title, table in (("answers", self.answers), ("unsettled", self.unsettled)):
            lines += ["", f"[{title}]", *(f"{_key(name)} = {_value(value)}" for name, value in table.items())]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a file's text.

        Raises:
            ConfigError: It is no profile, or one of another version.
        """
        try:
            data = tomllib.loads(text)
            head = data["profile"]
            version = head["version"]
            if version != PROFILE_VERSION:
                raise ConfigError(f"the profile has version {version}, this package reads {PROFILE_VERSION}")
            return cls(
                server=str(head["server"]),
                checked_at=head["checked_at"],
                calls=int(head["calls"]),
                units=int(head["units"]),
                answers=_scalars(data.get("answers", {})),
                unsettled={name: str(why) for name, why in data.get("unsettled", {}).items()},
            )
        except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"this is no profile of tonicdm: {error}") from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file in one step: a profile that was there is replaced by a whole one."""
        target = pathlib.Path(path)
        part = target.with_name(f"{target.name}.part")
        part.write_text(self.to_toml(), encoding="utf-8")
        disk.replace(part, target)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file.

        Raises:
            ConfigError: It can't be read, or is no profile.
        """
        try:
            return cls.from_toml(pathlib.Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the profile {os.fspath(path)} can't be read: {error}") from None


def _scalars(table: Mapping[str, Any]) -> dict[str, Scalar]:
    for name, value in table.items():
        if not isinstance(value, (str, int, bool)):
            raise ConfigError(f"the profile's answer {name} must be a text, a number or a boolean")
    return dict(table)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
