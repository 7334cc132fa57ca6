"""What the operations do: one module for each of list, get, create, update and delete."""
