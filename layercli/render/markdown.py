"""Tables as GitHub-flavoured Markdown."""

from __future__ import annotations

from layercli.render.table import Table


def draw(table: Table) -> str:
    """Return the table in Markdown: a bold title, the rows, the facts as a list, the notes as paragraphs."""
    table = table.printable()
    blocks = [f"**{escape(table.title)}**"] if table.title else []
    if table.columns:
        rule = [("---:" if column.numeric else "---") for column in table.columns]
        header = [escape(column.title) for column in table.columns]
        body = [[escape(cell) for cell in row] for row in table.cells()]
        blocks.append("\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *body]))
    if table.facts:
        blocks.append("\n".join(f"- {escape(name)}: {escape(text)}" for name, text in table.facts))
    blocks += [escape(note) for note in table.notes]
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Escape the characters that Markdown or its tables would interpret."""
    for character in "\\|*_`<":
        text = text.replace(character, f"\\{character}")
    return text
