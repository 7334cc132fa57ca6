"""Queries: what one asks for, its run at the server, and the file of its result."""
