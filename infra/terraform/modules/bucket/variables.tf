variable "name" {
  description = "Name of the bucket: S3_BUCKET of the site."
  type        = string
}

variable "site_origins" {
  description = "Origins of the site's pages, such as https://files.example.com. CORS admits these and no others."
  type        = list(string)

  validation {
    condition     = length(var.site_origins) > 0
    error_message = "Name at least one origin, or no browser can upload."
  }

  validation {
    condition     = alltrue([for origin in var.site_origins : can(regex("^https?://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "An origin is scheme and host, without a path, a trailing slash or a wildcard: https://files.example.com."
  }
}

variable "key_prefix" {
  description = "S3_KEY_PREFIX of the site."
  type        = string
  default     = "uploads/"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+/", var.key_prefix)) && endswith(var.key_prefix, "/")
    error_message = "The prefix ends with a slash, as in uploads/."
  }
}

variable "quarantine_prefix" {
  description = "UPLOADS_QUARANTINE_PREFIX of the site, such as quarantine/. Empty: no quarantine."
  type        = string
  default     = ""
}

variable "abort_after_days" {
  description = "Days after which S3 deletes the parts of an incomplete upload. Longer than UPLOADS_LIFETIME_SECONDS and UPLOADS_EXTENSION_SECONDS together."
  type        = number
  default     = 9
}

variable "quarantine_days" {
  description = "Days that a rejected file stays in quarantine."
  type        = number
  default     = 30
}

variable "noncurrent_days" {
  description = "Days that S3 keeps the versions of a deleted file, if versioning is on."
  type        = number
  default     = 7
}

variable "versioning" {
  description = "Keep old versions of objects. Deleted files then cost money for noncurrent_days more."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts new objects. Empty: SSE-S3."
  type        = string
  default     = ""
}

variable "queue_arn" {
  description = "ARN of the SQS queue that hears of each new object. Empty: no notifications."
  type        = string
  default     = ""
}

variable "organisation_id" {
  description = "AWS organisation, such as o-abc123, outside of which nobody may use the bucket. Empty: no such rule."
  type        = string
  default     = ""
}

variable "attach_policy" {
  description = "Whether the module manages the bucket policy. If not, attach the output policy_json yourself."
  type        = bool
  default     = true
}

variable "attach_tls_only" {
  description = "Refuse requests without TLS."
  type        = bool
  default     = true
}

variable "attach_sigv4_only" {
  description = "Refuse signatures of version 2."
  type        = bool
  default     = true
}

variable "attach_short_urls_only" {
  description = "Refuse presigned URLs and POST policies that are older than 15 minutes."
  type        = bool
  default     = true
}

variable "attach_deny_bucket_deletion" {
  description = "Refuse to delete the bucket, whoever asks. To delete it, apply with false first."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Let terraform destroy delete a bucket with all its files. Needs attach_deny_bucket_deletion = false too."
  type        = bool
  default     = false
}

variable "log_bucket" {
  description = "Bucket that receives the S3 access log. Empty: no access log."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
