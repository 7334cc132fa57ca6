"""Asyncio client for the TonicDM API, with a budget that never overdraws."""

from tonicdm._version import __version__

__all__ = ["__version__"]
