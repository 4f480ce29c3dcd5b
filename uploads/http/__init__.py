"""Code that runs on every request: middleware, headers, reports, logs."""
