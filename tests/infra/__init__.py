"""The infrastructure code, checked without an account and without the internet."""
