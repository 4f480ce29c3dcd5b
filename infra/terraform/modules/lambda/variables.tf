variable "name" {
  description = "Beginning of the names of all resources, such as slipway-production."
  type        = string
}

variable "package_file" {
  description = "Path of the ZIP file that `make lambda` builds."
  type        = string
}

variable "environment" {
  description = "Environment variables of the site, without secrets: docs/settings.md lists them."
  type        = map(string)
}

variable "secret_arn" {
  description = "ARN of the Secrets Manager secret whose JSON object holds the secret variables, such as SECRET_KEY and DATABASE_URL."
  type        = string
}

variable "secret_kms_key_arn" {
  description = "ARN of the KMS key that encrypts that secret. Empty: AWS's own key."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the environment variables and the logs. Empty: AWS's own keys."
  type        = string
  default     = ""
}

variable "queue_arn" {
  description = "ARN of the queue of S3's notifications. Empty: no function for them."
  type        = string
  default     = ""
}

variable "sweep_rate" {
  description = "How often the sweep runs, as EventBridge writes it."
  type        = string
  default     = "rate(1 minute)"
}

variable "memory_mb" {
  description = "Memory of each function in MB. Lambda gives processor time in proportion."
  type        = number
  default     = 1024
}

variable "web_concurrency" {
  description = "Requests that are answered at the same time, at most: each needs a connection to the database. -1: the account's limit."
  type        = number
  default     = 20
}

variable "python_runtime" {
  description = "Lambda's runtime. `make lambda` builds for this Python version."
  type        = string
  default     = "python3.11"
}

variable "architecture" {
  description = "x86_64 or arm64: what `make lambda` was told to build for."
  type        = string
  default     = "x86_64"
}

variable "subnet_ids" {
  description = "Subnets of a VPC, for a database without a public address. Empty: no VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups in that VPC."
  type        = list(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
