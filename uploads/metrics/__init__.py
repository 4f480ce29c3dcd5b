"""Metrics of this process: what is counted, and how processes of one host are added up."""
