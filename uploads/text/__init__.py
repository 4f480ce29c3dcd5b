"""Contains pure functions on file names, host names, sizes and CSV."""
