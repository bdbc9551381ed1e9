"""Tables for people: in a terminal, as Markdown and as LaTeX."""
