"""Client of the Rhythm API: tokens, contacts, lists, searches and queries."""

from tonicdm.rhythm.assumed import ASSUMED, RULES, BatchDialect, Dialect, QueryDialect
from tonicdm.rhythm.batches import BatchDelete, BatchPatch
from tonicdm.rhythm.claims import Claims, hs256, read_claims
from tonicdm.rhythm.client import RhythmClient
from tonicdm.rhythm.criteria import Criteria, all_of, any_of, field, to_rules
from tonicdm.rhythm.endpoints.step_functions import Execution
from tonicdm.rhythm.fetch import Fetched
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.rhythm.query.running import QueryResult, RunningQuery
from tonicdm.rhythm.query.spec import QuerySpec
from tonicdm.rhythm.scope import as_user
from tonicdm.rhythm.throttle import ThrottleRules
from tonicdm.rhythm.tokens.broker import MintEvent, TokenBroker
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.postgresql import PostgresqlTokenStore
from tonicdm.rhythm.tokens.store import FileTokenStore, MemoryTokenStore, TokenStore
from tonicdm.rhythm.users import Authorization, UserLogin, UserSession

__all__ = [
    "ASSUMED",
    "RULES",
    "Authorization",
    "BatchDelete",
    "BatchDialect",
    "BatchPatch",
    "Claims",
    "Criteria",
    "Dialect",
    "Execution",
    "Fetched",
    "FileTokenStore",
    "MemoryTokenStore",
    "MintEvent",
    "MintRules",
    "PollRules",
    "PostgresqlTokenStore",
    "QueryDialect",
    "QueryResult",
    "QuerySpec",
    "RhythmClient",
    "RunningQuery",
    "ThrottleRules",
    "TokenBroker",
    "TokenStore",
    "UserLogin",
    "UserSession",
    "all_of",
    "any_of",
    "as_user",
    "field",
    "hs256",
    "read_claims",
    "to_rules",
]
