"""The report as one HTML page that needs nothing else: no scripts, no fonts, no pictures from elsewhere."""

from hybridspan.report.html.page import page

__all__ = ["page"]
