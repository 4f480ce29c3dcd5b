"""Check the infrastructure code without an AWS account and without internet access."""
