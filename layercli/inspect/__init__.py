"""A model or a file made into plain dataclasses: the reports. No drawing, no torch."""
