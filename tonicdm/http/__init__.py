"""How one call travels: options to header lines, units, the connection, retries. Knows no noun of any API."""
