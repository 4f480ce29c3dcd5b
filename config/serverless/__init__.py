"""Entry points for AWS Lambda: the site at API Gateway, and its background jobs."""
