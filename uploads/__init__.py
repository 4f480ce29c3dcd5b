"""Uploads from the browser straight to S3.

``__version__`` is the only place of the version. The admin, S3 requests and the container
image read it from here. Pages for others do not show it.
"""

__version__ = "0.2.0.dev0"
