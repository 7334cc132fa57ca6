"""Find out how a server answers where the API's documents are silent, for at most 20 units, without changing anything.

`questions` holds what is asked and what each answer teaches, `state` what is known, `profile` its file; `recording` is
what was asked and what came, as shapes; `assumptions` is what it may contradict. All of them are pure. `run` asks.
"""

from tonicdm.conformance.assumptions import ASSUMPTIONS, Contradiction, contradictions
from tonicdm.conformance.profile import Profile
from tonicdm.conformance.recording import Exchange, Recording
from tonicdm.conformance.run import check
from tonicdm.conformance.state import MAX_RECORDED_UNITS, MAX_UNITS, State

__all__ = [
    "ASSUMPTIONS",
    "MAX_RECORDED_UNITS",
    "MAX_UNITS",
    "Contradiction",
    "Exchange",
    "Profile",
    "Recording",
    "State",
    "check",
    "contradictions",
]
