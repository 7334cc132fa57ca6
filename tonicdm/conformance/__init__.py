"""Finds out how a server answers where the API's documents are silent, for at most 20 units, without changing anything.

`questions` holds what is asked and what each answer teaches, `state` what is known, `profile` its file; `recording` is
what was asked and what came, as shapes, and `assumptions` what it may contradict: all of them pure. `run` asks.
"""

from tonicdm.conformance.assumptions import ASSUMPTIONS, Contradiction, contradictions
from tonicdm.conformance.profile import Profile
from tonicdm.conformance.recording import Exchange, Recording
from tonicdm.conformance.run import check
from tonicdm.conformance.state import ALLOWANCE, RECORDED, State

__all__ = [
    "ALLOWANCE",
    "ASSUMPTIONS",
    "RECORDED",
    "Contradiction",
    "Exchange",
    "Profile",
    "Recording",
    "State",
    "check",
    "contradictions",
]
