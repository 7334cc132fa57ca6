"""Asyncio client for the TonicDM API, with a budget that never overdraws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tonicdm._version import __version__
from tonicdm.late import late_names

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

_NAMES = {
    "tonicdm.budget": ("UnitBudget",),
    "tonicdm.client": ("TonicDM",),
    "tonicdm.errors": (
        "APIError",
        "AuthenticationError",
        "BadRequestError",
        "BudgetError",
        "BudgetTimeoutError",
        "BulkError",
        "ClientClosedError",
        "ConfigError",
        "ConnectError",
        "DecodeError",
        "DownloadError",
        "EndlessListError",
        "EndpointNotFoundError",
        "IntegrityError",
        "InvalidIDError",
        "InvalidOptionError",
        "LedgerUnavailableError",
        "MayExistError",
        "OptionIgnoredError",
        "PermissionDeniedError",
        "ProtocolError",
        "RateLimitedError",
        "RecordNotFoundError",
        "RequestTimeoutError",
        "ServerError",
        "SeveralFoundError",
        "TonicDMError",
        "TransportError",
        "UnsafeLinkError",
    ),
    "tonicdm.http.hooks": ("Hooks",),
    "tonicdm.http.retry": ("RetryPolicy",),
    "tonicdm.http.watching": ("Spent",),
    "tonicdm.paging": ("Page", "Paginator"),
    "tonicdm.raw": ("Raw", "RawResponse"),
    "tonicdm.tokens": ("TokenCommand", "TokenFile", "TokenKeyring"),
    "tonicdm.types": ("DataQuantity", "InvalidRecord", "ListOf", "RateLimit", "RecordID", "Secret", "UNSET", "Zone"),
}
"""The names of each module. It is loaded when one of them is first read: `tonicdm --help` needs none."""

_SUBMODULES = (
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
    "late",
    "lazy",
    "models",
    "paging",
    "raw",
    "singleflight",
    "tokens",
    "transfer",
    "types",
)
"""Modules that are there as attributes without an import of their own."""

__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = late_names(__name__, _NAMES, _SUBMODULES)
