"""Finds out how a server answers where the API's documents are silent, for at most 20 units, without changing anything.

`questions` holds what is asked and what each answer teaches, `state` what is known, `profile` its file: all of them
pure. `run` asks.
"""

from tonicdm.conformance.profile import Profile
from tonicdm.conformance.run import check
from tonicdm.conformance.state import ALLOWANCE, State

__all__ = ["ALLOWANCE", "Profile", "State", "check"]
