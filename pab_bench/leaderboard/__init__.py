"""Points of several places in one table: method by model by budget."""
