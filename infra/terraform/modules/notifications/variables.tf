variable "name" {
  description = "Name of the queue; the dead-letter queue gets -dead behind it."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket whose notifications the queue takes."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the messages. S3 must be allowed to use it. Empty: encrypted by SQS with its own key."
  type        = string
  default     = ""
}

variable "visibility_timeout_seconds" {
  description = "Seconds that a message is hidden from other consumers. With the lambda module: at least six times the function's time-out."
  type        = number
  default     = 360
}

variable "max_receives" {
  description = "Deliveries after which a message goes to the dead-letter queue. Slipway itself parks a message after 5."
  type        = number
  default     = 10
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
