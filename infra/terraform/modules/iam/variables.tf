variable "name" {
  description = "Beginning of the names of all resources, such as slipway-production."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket."
  type        = string
}

variable "key_prefix" {
  description = "S3_KEY_PREFIX of the site."
  type        = string
  default     = "uploads/"
}

variable "quarantine_prefix" {
  description = "UPLOADS_QUARANTINE_PREFIX of the site. Empty: no rights for a quarantine."
  type        = string
  default     = ""
}

variable "versioning" {
  description = "Whether the bucket keeps versions: the worker then deletes versions too."
  type        = bool
  default     = false
}

variable "queue_arn" {
  description = "ARN of the queue that the worker reads. Empty: no rights for a queue."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the bucket. Empty: no rights for a key."
  type        = string
  default     = ""
}

variable "create_signer_user" {
  description = "Make an IAM user for the signer. Make its access key by hand and give it to the site as a secret; the module makes none, because it would lie in the state."
  type        = bool
  default     = true
}

variable "worker_role_names" {
  description = "Roles of the processes that run the site, such as an instance profile or a Lambda function's role. They get the worker's policy."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
