"""Helpers for several layers of tests."""
