"""Points of others, checked and put beside one's own."""
