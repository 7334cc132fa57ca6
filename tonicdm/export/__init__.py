"""The copy handed on: a store's records in DuckDB, Parquet, CSV, or where dlt takes them."""

from tonicdm.export.report import ExportReport, TypeExport, Way
from tonicdm.export.run import Progress, export
from tonicdm.export.warehouse import dlt_source

__all__ = ["ExportReport", "Progress", "TypeExport", "Way", "dlt_source", "export"]
