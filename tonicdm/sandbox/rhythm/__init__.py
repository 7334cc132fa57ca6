"""The Rhythm side of the sandbox: token service, API and signed URIs of a made-up association, on one port.

Like the TonicDM side it shares no rule with the client.
"""

from tonicdm.sandbox.rhythm.context import Tenant
from tonicdm.sandbox.rhythm.gateway import RhythmEntry, RhythmJournal
from tonicdm.sandbox.rhythm.jobs import Execution, QueryJob
from tonicdm.sandbox.rhythm.rhythm_sandbox import RhythmSandbox
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.tokens import Client, Issuer, Mint, User

__all__ = [
    "Client",
    "Execution",
    "Issuer",
    "Mint",
    "QueryJob",
    "RhythmEntry",
    "RhythmJournal",
    "RhythmSandbox",
    "RhythmSettings",
    "Tenant",
    "User",
]
