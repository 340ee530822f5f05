"""Sphinx settings of the documentation site; `make docs` builds it into build/docs."""

project = "taskstack.celery"
author = "The taskstack.celery authors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# The collection reads no environment variables of its own, and that page refers to Ansible's site.
exclude_patterns = ["_build", "collections/environment_variables.rst"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "taskstack.celery"
html_copy_source = False
html_show_sphinx = False
nitpicky = True
# Nothing is fetched while building, so the site also builds on a closed network.
intersphinx_mapping: dict[str, tuple[str, str]] = {}
