"""Renderers: a Table as a terminal table, plain text, JSON, CSV or Markdown. They know no models."""
