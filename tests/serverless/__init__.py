"""Compare the site as Lambda functions with the site under gunicorn."""
