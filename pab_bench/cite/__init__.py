"""The papers behind what made a set of results."""
