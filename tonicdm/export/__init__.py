"""Exports: the records of a store in DuckDB, Parquet, CSV, or where dlt takes them."""

from tonicdm.export.report import ExportReport, TypeExport, WriteMode
from tonicdm.export.run import ExportProgress, export
from tonicdm.export.warehouse import dlt_source

__all__ = ["ExportProgress", "ExportReport", "TypeExport", "WriteMode", "dlt_source", "export"]
