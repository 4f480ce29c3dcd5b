"""Fast tests: one folder for each package of the application."""
