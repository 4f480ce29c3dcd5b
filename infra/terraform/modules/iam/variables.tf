variable "name" {
  description = "Prefix of the names of all resources, such as slipway-production."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket."
  type        = string
}

variable "key_prefix" {
  description = "Value of the site's variable S3_KEY_PREFIX."
  type        = string
  default     = "uploads/"
}

variable "quarantine_prefix" {
  description = "Value of the site's variable UPLOADS_QUARANTINE_PREFIX. If empty, the policies grant no rights for a quarantine."
  type        = string
  default     = ""
}

variable "versioning" {
  description = "True if the bucket has versioning. The worker then may also delete versions."
  type        = bool
  default     = false
}

variable "queue_arn" {
  description = "ARN of the queue that the worker reads. If empty, the policies grant no rights for a queue."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the bucket. If empty, the policies grant no rights for a key."
  type        = string
  default     = ""
}

variable "create_signer_user" {
  description = "Create an IAM user for the signer. The module creates no access key, because Terraform would store the key in its state. Create the key by hand, and give it to the site as a secret."
  type        = bool
  default     = true
}

variable "worker_role_names" {
  description = "Names of the roles of the processes that run the site, such as the role of an instance profile or of a Lambda function. The module attaches the worker's policy to these roles."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
