"""Where results are also sent. The store stays the only source of truth."""
