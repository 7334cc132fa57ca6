"""Objects that an ``async with`` block closes at its end."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, NoReturn, Self


class AsyncClosing(abc.ABC):
    """An object with `close`, which an ``async with`` block calls at its end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    if not TYPE_CHECKING:  # type checkers refuse a plain with by themselves

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__} is asynchronous: write 'async with' in place of 'with'")

        def __exit__(self, *exc_info: object) -> None:
            """Never reached, as nothing enters."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close it; twice is once."""
