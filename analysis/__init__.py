"""Summary, tables and figures of one sweep, made only from what is on disk."""
