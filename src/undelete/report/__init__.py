"""The report: an audit in, one HTML page out that opens by double click and needs no network.

`page.render` is a pure function of the dict that audit.json holds; `figures` draws its curves and bars, and
the panels of the paper's figures.
"""

from undelete.report.page import render

__all__ = ["render"]
