output "name" {
  description = "S3_BUCKET of the site."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "region" {
  description = "S3_REGION of the site."
  value       = aws_s3_bucket.this.bucket_region
}

output "policy_json" {
  description = "The bucket policy, for attach_policy = false."
  value       = local.policy_json
}

output "environment" {
  description = "Environment variables of the site that follow from the bucket."
  value = merge(
    {
      S3_BUCKET     = aws_s3_bucket.this.id
      S3_KEY_PREFIX = var.key_prefix
      S3_REGION     = aws_s3_bucket.this.bucket_region
    },
    var.quarantine_prefix == "" ? {} : { UPLOADS_QUARANTINE_PREFIX = var.quarantine_prefix },
  )
}
