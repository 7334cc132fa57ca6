"""A local TonicDM server that charges units like the real one, to develop and test against.

It shares no rule with the client: what one of them has wrong, the other shows.
"""

from tonicdm.sandbox.faults import FaultName, Faults
from tonicdm.sandbox.journal import Journal, JournalEntry
from tonicdm.sandbox.sandbox import Sandbox
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.state import Snapshot
from tonicdm.sandbox.webhooks import Webhooks
from tonicdm.sandbox.windows import WindowState
from tonicdm.sandbox.world import World

__all__ = [
    "FaultName",
    "Faults",
    "Journal",
    "JournalEntry",
    "Sandbox",
    "SandboxSettings",
    "Snapshot",
    "Webhooks",
    "WindowState",
    "World",
]
