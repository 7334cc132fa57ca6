"""The record types of the firm, and how many records each has."""

from __future__ import annotations

from tonicdm.sandbox.world import places
from tonicdm.sandbox.world.table import Kind, Link

KINDS: tuple[Kind, ...] = (
    Kind(name="disciplines", make=places.discipline, minimum=12, retires=False, status_field=None),
    Kind(
        name="certification_definitions",
        make=places.certification_definition,
        minimum=6,
        sorts={"name": "name"},
    ),
    Kind(
        name="tenants",
        make=places.tenant,
        minimum=8,
        retires=False,
        links={"discipline": Link(target="disciplines", field="discipline", style="stub")},
        fill=places.tenant_links,
        references={"discipline": "disciplines"},
        sorts={"domain": "domain"},
    ),
    Kind(
        name="organizations",
        make=places.organization,
        share=30,
        links={"discipline": Link(target="disciplines", field="discipline", style="stub")},
        fill=places.organization_links,
        references={"discipline": "disciplines"},
        sorts={"name": "name"},
    ),
    Kind(
        name="brands",
        make=places.brand,
        share=40,
        minimum=2,
        links={
            "organization": Link(target="organizations", field="organizationId"),
            "discipline": Link(target="disciplines", field=None),
        },
        fill=places.brand_links,
        references={"disciplines": "disciplines"},
        sorts={"nameLong": "nameLong", "nameShort": "nameShort", "nameInitials": "nameInitials"},
    ),
    Kind(
        name="offices",
        make=places.office,
        share=20,
        minimum=2,
        links={"organization": Link(target="organizations", field="organizationId")},
        fill=places.office_links,
        sorts={"name": "name"},
    ),
)
"""Each type after those it refers to."""


def counts(records: int) -> dict[str, int]:
    """Return how many records of each type a world of *records* has; the last type takes what rounding leaves.

    Args:
        records: Records over all types.

    Raises:
        ValueError: Too few for one firm with all its types.
    """
    sizes = {kind.name: max(kind.minimum, records * kind.share // 1000) for kind in KINDS}
    rest = KINDS[-1].name
    sizes[rest] = records - sum(size for name, size in sizes.items() if name != rest)
    if sizes[rest] < KINDS[-1].minimum:
        least = next(n for n in range(100, 10_000, 50) if _fits(n))
        raise ValueError(f"a world has at least {least} records, not {records}")
    return sizes


def _fits(records: int) -> bool:
    others = sum(max(kind.minimum, records * kind.share // 1000) for kind in KINDS[:-1])
    return records - others >= KINDS[-1].minimum
