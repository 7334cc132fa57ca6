"""The table of the benchmarks' figures, out of the file that they were written to."""

from __future__ import annotations

import pathlib
import sys

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# Behind the installed package, which is what the documentation speaks of.
sys.path.append(str(pathlib.Path(__file__).parents[2]))

from benchmarks import _measured


class Measured(SphinxDirective):
    """``{measured}``: Markdown with figures as ``{benchmark/case/which/format}``, and of which machines they are."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(_measured.FILE))
        text = "\n".join(self.content)
        return self.parse_text_to_nodes("\n\n".join((_measured.filled(text), *_measured.origins())))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True}
