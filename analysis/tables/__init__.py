"""The tables of one sweep."""
