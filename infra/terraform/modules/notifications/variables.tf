variable "name" {
  description = "Name of the queue. The name of the dead-letter queue is this name with -dead at the end."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket whose notifications the queue receives."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages. The policy of the key must allow S3 to use it. If empty, SQS encrypts the messages with its own key."
  type        = string
  default     = ""
}

variable "visibility_timeout_seconds" {
  description = "Seconds for which SQS hides a received message from other consumers. With the lambda module, use at least six times the timeout of the function."
  type        = number
  default     = 360
}

variable "max_receives" {
  description = "Number of deliveries after which SQS moves a message to the dead-letter queue. After 5 failed deliveries, the site itself takes the message from the queue, and the admin lists it under Parked notifications. While S3 or the database does not answer, SQS delivers a message again and again, so use at least 100."
  type        = number
  default     = 100
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
