"""Handlers of the operations: one module for each of list, get, create, update and delete."""
