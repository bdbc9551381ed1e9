"""The figures of one sweep: one function each, from tables to a matplotlib figure."""
