output "name" {
  description = "Name of the bucket, for the site's variable S3_BUCKET."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "region" {
  description = "Region of the bucket, for the site's variable S3_REGION."
  value       = aws_s3_bucket.this.bucket_region
}

output "policy_json" {
  description = "The bucket policy as JSON. If attach_policy is false, attach it yourself."
  value       = local.policy_json
}

output "environment" {
  description = "Environment variables of the site whose values depend on the bucket."
  value = merge(
    {
      S3_BUCKET     = aws_s3_bucket.this.id
      S3_KEY_PREFIX = var.key_prefix
      S3_REGION     = aws_s3_bucket.this.bucket_region
    },
    var.quarantine_prefix == "" ? {} : { UPLOADS_QUARANTINE_PREFIX = var.quarantine_prefix },
  )
}
