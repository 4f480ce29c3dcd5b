"""Uploads from the browser directly to S3.

The version of the site is defined only here. The admin, S3 requests and the container
image contain this version. Of all pages, only the admin shows the version.
"""

__version__ = "0.2.0.dev0"
