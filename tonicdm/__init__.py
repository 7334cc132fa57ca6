"""Asyncio client for the TonicDM API, with a budget that never overdraws."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tonicdm._version import __version__

if TYPE_CHECKING:
    from tonicdm.budget import UnitBudget
    from tonicdm.client import TonicDM
    from tonicdm.errors import (
        APIError,
        AuthenticationError,
        BadRequestError,
        BudgetError,
        BudgetTimeoutError,
        BulkError,
        ClientClosedError,
        ConfigError,
        ConnectError,
        DecodeError,
        DownloadError,
        EndlessListError,
        EndpointNotFoundError,
        IntegrityError,
        InvalidIDError,
        InvalidOptionError,
        LedgerUnavailableError,
        MayExistError,
        OptionIgnoredError,
        PermissionDeniedError,
        ProtocolError,
        RateLimitedError,
        RecordNotFoundError,
        RequestTimeoutError,
        ServerError,
        SeveralFoundError,
        TonicDMError,
        TransportError,
        UnsafeLinkError,
    )
    from tonicdm.http.hooks import Hooks
    from tonicdm.http.retry import RetryPolicy
    from tonicdm.http.watching import Spent
    from tonicdm.paging import Page, Paginator
    from tonicdm.raw import Raw, RawResponse
    from tonicdm.tokens import TokenCommand, TokenFile, TokenKeyring
    from tonicdm.types import UNSET, DataQuantity, InvalidRecord, ListOf, RateLimit, RecordID, Secret, Zone

__all__ = [
    "UNSET",
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetError",
    "BudgetTimeoutError",
    "BulkError",
    "ClientClosedError",
    "ConfigError",
    "ConnectError",
    "DataQuantity",
    "DecodeError",
    "DownloadError",
    "EndlessListError",
    "EndpointNotFoundError",
    "Hooks",
    "IntegrityError",
    "InvalidIDError",
    "InvalidOptionError",
    "InvalidRecord",
    "LedgerUnavailableError",
    "ListOf",
    "MayExistError",
    "OptionIgnoredError",
    "Page",
    "Paginator",
    "PermissionDeniedError",
    "ProtocolError",
    "RateLimit",
    "RateLimitedError",
    "Raw",
    "RawResponse",
    "RecordID",
    "RecordNotFoundError",
    "RequestTimeoutError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "SeveralFoundError",
    "Spent",
    "TokenCommand",
    "TokenFile",
    "TokenKeyring",
    "TonicDM",
    "TonicDMError",
    "TransportError",
    "UnitBudget",
    "UnsafeLinkError",
    "Zone",
    "__version__",
]

_MODULES = {
    "APIError": "errors",
    "AuthenticationError": "errors",
    "BadRequestError": "errors",
    "BudgetError": "errors",
    "BudgetTimeoutError": "errors",
    "BulkError": "errors",
    "ClientClosedError": "errors",
    "ConfigError": "errors",
    "ConnectError": "errors",
    "DataQuantity": "types",
    "DecodeError": "errors",
    "DownloadError": "errors",
    "EndlessListError": "errors",
    "EndpointNotFoundError": "errors",
    "Hooks": "http.hooks",
    "IntegrityError": "errors",
    "InvalidIDError": "errors",
    "InvalidOptionError": "errors",
    "InvalidRecord": "types",
    "LedgerUnavailableError": "errors",
    "ListOf": "types",
    "MayExistError": "errors",
    "OptionIgnoredError": "errors",
    "Page": "paging",
    "Paginator": "paging",
    "PermissionDeniedError": "errors",
    "ProtocolError": "errors",
    "RateLimit": "types",
    "RateLimitedError": "errors",
    "Raw": "raw",
    "RawResponse": "raw",
    "RecordID": "types",
    "RecordNotFoundError": "errors",
    "RequestTimeoutError": "errors",
    "RetryPolicy": "http.retry",
    "Secret": "types",
    "ServerError": "errors",
    "SeveralFoundError": "errors",
    "Spent": "http.watching",
    "TokenCommand": "tokens",
    "TokenFile": "tokens",
    "TokenKeyring": "tokens",
    "TonicDM": "client",
    "TonicDMError": "errors",
    "TransportError": "errors",
    "UNSET": "types",
    "UnitBudget": "budget",
    "UnsafeLinkError": "errors",
    "Zone": "types",
}
"""The module of each public name. It is loaded when the name is first read: `tonicdm --help` needs none of them."""

_SUBMODULES = frozenset(
    {
        "budget",
        "checks",
        "client",
        "clock",
        "codec",
        "config",
        "endpoints",
        "errors",
        "http",
        "ids",
        "lazy",
        "models",
        "paging",
        "raw",
        "singleflight",
        "tokens",
        "transfer",
        "types",
    }
)
"""Modules that are there as attributes without an import of their own."""


def __getattr__(name: str) -> Any:
    """Load the module that holds *name*."""
    if name in _MODULES:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
