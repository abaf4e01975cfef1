"""The report of a run as one HTML file that opens without a network, and the figures that pages share."""

from leadline.report.contents import Confusion, Mistake, Report, Residuals
from leadline.report.page import write_report

__all__ = ["Confusion", "Mistake", "Report", "Residuals", "write_report"]
