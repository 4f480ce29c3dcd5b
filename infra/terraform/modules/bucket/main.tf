# The wanted settings of the bucket. All documents come from rendered/bucket.json.tftpl.
# scripts/terraform_documents.py writes this file from the same data that `manage.py setup_bucket` uses.

data "aws_partition" "current" {}

locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"

  wanted = jsondecode(templatefile("${path.module}/../../rendered/bucket.json.tftpl", {
    abort_after_days  = var.abort_after_days
    bucket_arn        = local.bucket_arn
    key_prefix        = var.key_prefix
    kms_key_arn       = var.kms_key_arn
    noncurrent_days   = var.noncurrent_days
    organisation_id   = var.organisation_id
    origins           = var.site_origins
    quarantine_days   = var.quarantine_days
    quarantine_prefix = var.quarantine_prefix
    queue_arn         = var.queue_arn
  }))

  lifecycle_rules = [
    for name, rule in local.wanted.lifecycle : rule
    if(name != "quarantine" || var.quarantine_prefix != "") && (name != "noncurrent" || var.versioning)
  ]

  statements = concat(
    var.attach_tls_only ? [local.wanted.policy.tls] : [],
    var.attach_sigv4_only ? [local.wanted.policy.sigv4] : [],
    var.attach_short_urls_only ? [local.wanted.policy.age] : [],
    var.organisation_id != "" ? [local.wanted.policy.organisation] : [],
    var.attach_deny_bucket_deletion ? [{
      Sid       = "SlipwayKeepTheBucket"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:DeleteBucket"
      Resource  = local.bucket_arn
    }] : [],
  )
  policy_json = jsonencode({ Version = "2012-10-17", Statement = local.statements })

  encryption = local.wanted.encryption[var.kms_key_arn == "" ? "sse_s3" : "kms"]
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_144:Cross-region replication doubles the costs. An operator who wants it can add it outside of this module.
  # checkov:skip=CKV_AWS_18:The access log needs a second bucket, which the operator names in log_bucket.
  # checkov:skip=CKV_AWS_21:Each key is a new UUID, so no upload overwrites an object. The variable versioning turns versioning on.
  # checkov:skip=CKV_AWS_145:SSE-S3 is the default. The variable kms_key_arn selects a KMS key.
  # checkov:skip=CKV2_AWS_62:The variable queue_arn turns notifications on.
  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = local.wanted.public_access_block.BlockPublicAcls
  ignore_public_acls      = local.wanted.public_access_block.IgnorePublicAcls
  block_public_policy     = local.wanted.public_access_block.BlockPublicPolicy
  restrict_public_buckets = local.wanted.public_access_block.RestrictPublicBuckets
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = local.wanted.ownership.Rules[0].ObjectOwnership
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled       = try(local.encryption.BucketKeyEnabled, false)
    blocked_encryption_types = local.wanted.blocked_encryption.EncryptionType

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.encryption.ApplyServerSideEncryptionByDefault.SSEAlgorithm
      kms_master_key_id = try(local.encryption.ApplyServerSideEncryptionByDefault.KMSMasterKeyID, null)
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = var.versioning ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_cors_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  cors_rule {
    id              = local.wanted.cors.ID
    allowed_origins = local.wanted.cors.AllowedOrigins
    allowed_methods = local.wanted.cors.AllowedMethods
    allowed_headers = local.wanted.cors.AllowedHeaders
    expose_headers  = try(local.wanted.cors.ExposeHeaders, [])
    max_age_seconds = local.wanted.cors.MaxAgeSeconds
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  # checkov:skip=CKV_AWS_300:The rule slipway-abort-incomplete is in a dynamic block, which checkov does not evaluate.
  bucket = aws_s3_bucket.this.id
  # S3 accepts rules about noncurrent versions only after the versioning of the bucket was set.
  depends_on = [aws_s3_bucket_versioning.this]

  dynamic "rule" {
    for_each = local.lifecycle_rules

    content {
      id     = rule.value.ID
      status = rule.value.Status

      filter {
        prefix = rule.value.Filter.Prefix
      }

      dynamic "abort_incomplete_multipart_upload" {
        for_each = try([rule.value.AbortIncompleteMultipartUpload], [])

        content {
          days_after_initiation = abort_incomplete_multipart_upload.value.DaysAfterInitiation
        }
      }

      dynamic "expiration" {
        for_each = try([rule.value.Expiration], [])

        content {
          days                         = try(expiration.value.Days, null)
          expired_object_delete_marker = try(expiration.value.ExpiredObjectDeleteMarker, null)
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = try([rule.value.NoncurrentVersionExpiration], [])

        content {
          noncurrent_days = noncurrent_version_expiration.value.NoncurrentDays
        }
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  count  = var.attach_policy && length(local.statements) > 0 ? 1 : 0
  bucket = aws_s3_bucket.this.id
  policy = local.policy_json
  # S3 refuses one of two calls if the policy and the public access block change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_notification" "this" {
  count  = var.queue_arn == "" ? 0 : 1
  bucket = aws_s3_bucket.this.id

  queue {
    id            = local.wanted.notification.Id
    queue_arn     = var.queue_arn
    events        = local.wanted.notification.Events
    filter_prefix = var.key_prefix
  }
}

resource "aws_s3_bucket_logging" "this" {
  count         = var.log_bucket == "" ? 0 : 1
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.log_bucket
  target_prefix = "${var.name}/"
}
