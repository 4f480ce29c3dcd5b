"""Run the last release on the tables of this version, as during an upgrade."""
