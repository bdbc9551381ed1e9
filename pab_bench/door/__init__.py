"""What `import pab_bench` offers: each function of the package's front, a file each."""
