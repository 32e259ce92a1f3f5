"""Drawing: a Table and its facts, as a terminal table, plain text, JSON, CSV or Markdown. Knows no model."""
