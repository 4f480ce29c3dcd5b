variable "name" {
  description = "Name of the bucket. The site's variable S3_BUCKET has the same value."
  type        = string
}

variable "site_origins" {
  description = "Origins of the site's pages, such as https://files.example.com. The CORS rule permits only these origins."
  type        = list(string)

  validation {
    condition     = length(var.site_origins) > 0
    error_message = "Name at least one origin. Without an origin, no browser can upload."
  }

  validation {
    condition     = alltrue([for origin in var.site_origins : can(regex("^https?://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "An origin must be a scheme and a host, such as https://files.example.com, without a path, a trailing slash or a wildcard."
  }
}

variable "key_prefix" {
  description = "Prefix of the keys of all uploads. The site's variable S3_KEY_PREFIX must have the same value."
  type        = string
  default     = "uploads/"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+/", var.key_prefix)) && endswith(var.key_prefix, "/")
    error_message = "The prefix must end with a slash, such as uploads/."
  }
}

variable "quarantine_prefix" {
  description = "Value of the site's variable UPLOADS_QUARANTINE_PREFIX, such as quarantine/. If empty, the site has no quarantine."
  type        = string
  default     = ""
}

variable "abort_after_days" {
  description = "Days after which S3 deletes the parts of an incomplete upload. The value must be longer than the sum of UPLOADS_LIFETIME_SECONDS and UPLOADS_EXTENSION_SECONDS."
  type        = number
  default     = 9
}

variable "quarantine_days" {
  description = "Days after which S3 deletes a rejected file from quarantine."
  type        = number
  default     = 30
}

variable "noncurrent_days" {
  description = "If versioning is on, S3 keeps the versions of a deleted file for this number of days."
  type        = number
  default     = 7
}

variable "versioning" {
  description = "Keep old versions of objects. A deleted file then costs money for noncurrent_days more days."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts new objects. If empty, S3 encrypts them with SSE-S3."
  type        = string
  default     = ""
}

variable "queue_arn" {
  description = "ARN of the SQS queue to which S3 sends a notification of each new object. If empty, S3 sends no notifications."
  type        = string
  default     = ""
}

variable "organisation_id" {
  description = "Id of an AWS organisation, such as o-abc123. Only identities of this organisation may use the bucket. If empty, the bucket policy does not restrict the organisation."
  type        = string
  default     = ""
}

variable "attach_policy" {
  description = "If true, the module attaches the bucket policy. If false, attach the output policy_json yourself."
  type        = bool
  default     = true
}

variable "attach_tls_only" {
  description = "Refuse requests without TLS."
  type        = bool
  default     = true
}

variable "attach_sigv4_only" {
  description = "Refuse requests with signature version 2."
  type        = bool
  default     = true
}

variable "attach_short_urls_only" {
  description = "Refuse requests whose presigned URL or POST policy was signed more than 15 minutes ago."
  type        = bool
  default     = true
}

variable "attach_deny_bucket_deletion" {
  description = "Refuse every request to delete the bucket. To delete the bucket, apply the module with false first."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with all its files. This also needs attach_deny_bucket_deletion = false."
  type        = bool
  default     = false
}

variable "log_bucket" {
  description = "Name of the bucket that receives the S3 access log. If empty, S3 writes no access log."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
