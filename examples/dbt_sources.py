"""Print the sources of a dbt project: ``python dbt_sources.py firm.db > models/sources.yml``.

They are made from the views of a copy, and are the tables of its export to DuckDB (``tonicdm export firm.db --to
duckdb:firm.duckdb``), which dbt-duckdb reads with ``path: firm.duckdb`` in its profile.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator

UNIQUE = ["unique", "not_null"]


def sources(file: str) -> Iterator[str]:
    """Return the lines of the YAML; texts are written as JSON has them, which is YAML too."""
    yield from ("version: 2", "sources:", "  - name: tonicdm", "    schema: main", "    tables:")
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    filled = "SELECT DISTINCT type FROM field ORDER BY 1"
    for (view,) in database.execute(filled).fetchall():
        yield f"      - name: {json.dumps(view)}"
        yield "        columns:"
        for column in database.execute("SELECT name FROM pragma_table_info(?)", (view,)):
            yield f"          - name: {json.dumps(column[0])}"
            if column[0] == "id":
                yield f"            data_tests: {json.dumps(UNIQUE)}"
    database.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: dbt_sources.py FILE")
    print("\n".join(sources(sys.argv[1])))
