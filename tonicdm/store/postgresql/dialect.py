"""SQL as PostgreSQL writes it."""

from __future__ import annotations

from collections.abc import Sequence

from tonicdm.store.columns import SqlType
from tonicdm.store.database import literal


class PostgresqlDialect:
    """SQL as PostgreSQL writes it."""

    insertion_order = "number"

    def skip_locked(self, table: str) -> str:
        return f"FOR UPDATE OF {table} SKIP LOCKED"

    def type_is(self, *, after: bool) -> str:
        return "type = ? AND change_seq > ?" if after else "type = ?"

    def text_of(self, wire: str) -> str:
        return f"raw ->> {literal(wire)}"

    def json_type(self, wire: str) -> str:
        return self._type(wire, "'text'", "'integer'")

    def exact_type(self, wire: str) -> str:
        text = f"({self.text_of(wire)})"
        size = (
            f"CASE WHEN abs({text}::numeric) <= 9007199254740992 THEN 'integer' "
            f"WHEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN 'long' ELSE 'huge' END"
        )
        return self._type(wire, f"text_form({text})", size)

    def _type(self, wire: str, text: str, whole: str) -> str:
        value = f"raw -> {literal(wire)}"
        return (
            f"CASE jsonb_typeof({value}) WHEN 'string' THEN {text} WHEN 'boolean' THEN {self.text_of(wire)} "
            f"WHEN 'number' THEN CASE WHEN {self.text_of(wire)} ~ '^-?[0-9]+$' THEN {whole} ELSE 'real' END "
            f"ELSE jsonb_typeof({value}) END"
        )

    def cell(self, wire: str, type_: SqlType | None) -> str:
        text = self.text_of(wire)
        match type_:
            case SqlType.BOOLEAN:
                return f"({text})::boolean"
            case SqlType.BIGINT:
                return f"({text})::numeric"
            case SqlType.DOUBLE:
                return f"({text})::double precision"
            case SqlType.JSON:
                return f"nullif(raw -> {literal(wire)}, 'null'::jsonb)::text"
            case _:
                return text

    def distinct_texts(self, expression: str) -> str:
        return f"string_agg(DISTINCT {expression}, ',')"

    def fields_of_raw(self) -> str:
        return "(SELECT count(*) FROM jsonb_object_keys(raw))"

    def seconds(self, expression: str) -> str:
        return f"floor(extract(epoch FROM as_time({expression})))"

    def line(self, values: Sequence[str], separator: str) -> str:
        return f"json_build_array({', '.join(values)})::text || chr({ord(separator)}) || raw::text || chr(10)"
