"""The Rhythm side of the sandbox: token service, API and signed URIs of a made-up association, on one port.

Like the TonicDM side it shares no rule with the client.
"""

from tonicdm.sandbox.rhythm.ask import Tenant
from tonicdm.sandbox.rhythm.executions import Execution
from tonicdm.sandbox.rhythm.issuer import Client, Issuer, Mint, User
from tonicdm.sandbox.rhythm.journal import RhythmEntry, RhythmJournal
from tonicdm.sandbox.rhythm.queryjob import QueryJob
from tonicdm.sandbox.rhythm.sandbox import RhythmSandbox
from tonicdm.sandbox.rhythm.settings import RhythmSettings

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
