"""What a call costs (concepts page, "Rate Limiting"): 1, 5 or 20 by data_quantity."""

from __future__ import annotations

from tonicdm.sandbox.settings import DataQuantity, SandboxSettings

FACTORS: dict[DataQuantity, int] = {"id_only": 1, "basic": 5, "complete": 20}


def data_quantity_of(
    asked: DataQuantity | None, method: str, *, listed: bool, settings: SandboxSettings
) -> DataQuantity:
    """Return the data_quantity a call is served and charged at.

    Args:
        asked: The option as sent, None when it was absent or did not arrive.
        method: HTTP method in capitals.
        listed: Whether the reference lists data_quantity for the operation.
        settings: Defaults for the three cases in which the option is absent.
    """
    if asked is not None:
        return asked
    if method != "GET":
        return settings.write_data_quantity
    return settings.default_data_quantity if listed else settings.unlisted_data_quantity


def cost_of(data_quantity: DataQuantity, records: int, settings: SandboxSettings) -> int:
    """Return the units of one call.

    The page says a *request* incurs the factor, so "call" is the default; "record" charges each record returned,
    and an answer without records like one.
    """
    factor = FACTORS[data_quantity]
    return factor if settings.cost_mode == "call" else factor * max(1, records)
