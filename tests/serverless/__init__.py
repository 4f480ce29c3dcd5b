"""The site as Lambda functions, beside the same site under gunicorn."""
