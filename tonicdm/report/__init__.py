"""Reports: one page of a copy and its budget, to be opened in a browser or sent by mail."""

from tonicdm.report.facts import BudgetFacts, CopyFacts, MintFacts, read_copy, read_mints
from tonicdm.report.page import render

__all__ = ["BudgetFacts", "CopyFacts", "MintFacts", "read_copy", "read_mints", "render"]
