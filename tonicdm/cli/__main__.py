"""``python -m tonicdm.cli`` is the `tonicdm` command."""

from tonicdm.cli import main

main()
