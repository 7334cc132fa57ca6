"""Endpoint classes, one file per record type."""
