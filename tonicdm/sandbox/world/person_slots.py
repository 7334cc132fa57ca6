"""Slot numbers, by which persons, their addresses and the staff find each other without tables."""

from __future__ import annotations

from tonicdm.sandbox.world.firm import Firm
from tonicdm.sandbox.world.words import FIRST_NAMES, LAST_NAMES

STAFF = ("One", "Two")
"""The concepts page's two employees; Two has a second address, and info@ exists at both domains."""
SMALL_FIRM = 400
"""Persons up to which a firm is the concepts page's example; 120 of a thousand records are persons."""


def staff_count(persons: int) -> int:
    """Return how many persons are staff: two in a small firm, as on the concepts page; in a larger one, one in 40."""
    return 2 if persons < SMALL_FIRM else persons // 40


def first_slot(person: int) -> int:
    """Return the slot of a person's first address: of five persons the second has two, the others one."""
    return person + (person + 3) // 5


def owner(slot: int) -> int:
    """Return the slot of the person who has the address in *slot*."""
    fives, remainder = divmod(slot, 6)
    return fives * 5 + remainder - (remainder >= 2)


def addresses(firm: Firm, person: int) -> list[int]:
    """Return the ranks of a person's addresses."""
    persons, emails = firm.tables["persons"], firm.tables["email_addresses"]
    if person >= persons.ids.count:
        return emails.referring("person", person, ())
    slot = persons.slots(person)
    return emails.referring("person", person, map(emails.slots.back, range(first_slot(slot), first_slot(slot + 1))))


def name_of(slot: int, noise: int) -> str:
    """Return the name of the seeded person in *slot*, given the noise of its record."""
    if slot < len(STAFF):
        return f"Employee {STAFF[slot]}"
    return f"{FIRST_NAMES[noise & 31]} {LAST_NAMES[(noise >> 5) & 31]}"


def person_name(firm: Firm, rank: int) -> str:
    """Return a person's name as it was seeded."""
    return name_of(firm.tables["persons"].slots(rank), firm.noise("persons", rank))


def me(firm: Firm) -> int:
    """Return the rank of the signed-in user's person: the one in slot 0."""
    return firm.tables["persons"].slots.back(0)
