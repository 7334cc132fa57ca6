"""One call over HTTP: header lines for its options, its units, its connection, its retries. It knows no record type."""
