"""Finds problems of the bucket and the site by testing their required functions.

A family is one module that asks questions of one kind and yields findings. A finding is
data; the command and the admin page show it.
"""
