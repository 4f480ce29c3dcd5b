"""Entry points for AWS Lambda: the site behind API Gateway, and its two jobs."""
