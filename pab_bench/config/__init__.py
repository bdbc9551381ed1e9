"""From what the user writes to what is run: schema, validation, and the resolved settings."""
