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
    EndpointNotFoundError,
    InvalidIDError,
    InvalidOptionError,
    OptionIgnoredError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RecordNotFoundError,
    RequestTimeoutError,
    ServerError,
    TonicDMError,
    TransportError,
)
from tonicdm.http.hooks import Hooks
from tonicdm.http.retry import RetryPolicy
from tonicdm.paging import Page, Paginator
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
    "EndpointNotFoundError",
    "Hooks",
    "InvalidIDError",
    "InvalidOptionError",
    "OptionIgnoredError",
    "Page",
    "Paginator",
    "PermissionDeniedError",
    "ProtocolError",
    "RateLimit",
    "RateLimitedError",
    "RecordID",
    "RecordNotFoundError",
    "RequestTimeoutError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "TonicDM",
    "TonicDMError",
    "TransportError",
    "UnitBudget",
    "__version__",
]
