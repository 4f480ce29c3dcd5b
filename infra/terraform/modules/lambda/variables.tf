variable "name" {
  description = "Prefix of the names of all resources, such as slipway-production."
  type        = string
}

variable "package_file" {
  description = "Path of the ZIP file that `make lambda` builds."
  type        = string
}

variable "environment" {
  description = "Environment variables of the site, without secrets. docs/settings.md lists all variables."
  type        = map(string)
}

variable "secret_arn" {
  description = "ARN of the Secrets Manager secret whose JSON object contains the secret variables, such as SECRET_KEY and DATABASE_URL."
  type        = string
}

variable "secret_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the secret in secret_arn. If empty, AWS's own key encrypts it."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the environment variables and the logs. If empty, AWS's own keys encrypt them."
  type        = string
  default     = ""
}

variable "queue_arn" {
  description = "ARN of the queue for S3's notifications. If empty, the module creates no function that processes notifications."
  type        = string
  default     = ""
}

variable "sweep_rate" {
  description = "Schedule of the sweep as an EventBridge expression, such as rate(1 minute)."
  type        = string
  default     = "rate(1 minute)"
}

variable "memory_mb" {
  description = "Memory of each function in MB. Lambda gives a function CPU time in proportion to its memory."
  type        = number
  default     = 1024
}

variable "web_concurrency" {
  description = "Maximum number of requests that the site handles at the same time. Each of these requests needs a connection to the database. With -1, the limit of the account applies."
  type        = number
  default     = 20
}

variable "python_runtime" {
  description = "Lambda's runtime. By default, `make lambda` builds the package for this Python version."
  type        = string
  default     = "python3.11"
}

variable "architecture" {
  description = "Processor architecture of the package in package_file: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "subnet_ids" {
  description = "Subnets of the VPC in which the functions run. This is needed for a database without a public address. If empty, the functions run outside of a VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the functions in the VPC of subnet_ids."
  type        = list(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days after which CloudWatch deletes the logs."
  type        = number
  default     = 365
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
