"""What wraps every request: middleware, headers, reports, logs."""
