"""Settings of the documentation."""

import tonicdm

project = "tonicdm"
author = "The tonicdm maintainers"
copyright = "2026, the tonicdm maintainers"  # noqa: A001 - Sphinx's name
release = version = tonicdm.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"tonicdm {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
default_role = "code"
suppress_warnings = ["ref.python"]
nitpick_ignore_regex = [("py:.*", ".*")]
