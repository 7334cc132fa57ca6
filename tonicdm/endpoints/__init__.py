"""Endpoint classes, one file per noun."""
