"""Bytes of files: downloads from signed links and uploads to them, outside the budget and without the token."""
