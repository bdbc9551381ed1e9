"""What is kept of every grid point, and how it gets to disk."""
