"""Types of the values that writes take."""

from __future__ import annotations

from typing import TypeAlias

from tonicdm.types import Unset

Text: TypeAlias = str | Unset | None
Flag: TypeAlias = bool | Unset | None
Number: TypeAlias = float | Unset | None
