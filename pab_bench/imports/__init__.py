"""What has to be done around imports of large libraries."""
