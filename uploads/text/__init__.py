"""Pure functions on file names and sizes."""
