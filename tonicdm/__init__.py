"""Asyncio client for the TonicDM API, with a budget that never overdraws."""

from tonicdm._version import __version__
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
    EndpointNotFoundError,
    IntegrityError,
    InvalidIDError,
    InvalidOptionError,
    LedgerUnavailableError,
    OptionIgnoredError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RecordNotFoundError,
    RequestTimeoutError,
    ServerError,
    TonicDMError,
    TransportError,
    UnsafeLinkError,
)
from tonicdm.http.hooks import Hooks
from tonicdm.http.retry import RetryPolicy
from tonicdm.http.watching import Spent
from tonicdm.paging import Page, Paginator
from tonicdm.raw import Raw, RawResponse
from tonicdm.types import UNSET, DataQuantity, RateLimit, RecordID, Secret

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
    "EndpointNotFoundError",
    "Hooks",
    "IntegrityError",
    "InvalidIDError",
    "InvalidOptionError",
    "LedgerUnavailableError",
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
    "Spent",
    "TonicDM",
    "TonicDMError",
    "TransportError",
    "UnitBudget",
    "UnsafeLinkError",
    "__version__",
]
