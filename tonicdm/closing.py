"""Objects that an ``async with`` block closes at its end."""

from __future__ import annotations

import abc
from typing import Self


class AsyncClosing(abc.ABC):
    """An object with `close`, which an ``async with`` block calls at its end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    @abc.abstractmethod
    async def close(self) -> None:
        """Close it; twice is once."""
