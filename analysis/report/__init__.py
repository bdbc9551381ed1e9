"""A sweep as one self-contained HTML file."""
