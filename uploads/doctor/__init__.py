"""Tests the bucket and the site, and reports faults as findings.

A family is a group of questions of one kind, such as CORS. Each question results in one
finding, which contains the answer as data. `manage.py doctor` and the doctor's page in
the admin display the findings.
"""
