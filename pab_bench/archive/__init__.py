"""Archives of points: files that carry results from one machine to another, and are not trusted."""
