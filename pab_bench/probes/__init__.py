"""What is observed while sampling."""
