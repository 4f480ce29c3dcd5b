"""Finds out what is wrong with the bucket and the site, by doing what they must do.

A family is one module that asks questions of one kind and yields findings. A finding is
data; the command and the admin page show it.
"""
