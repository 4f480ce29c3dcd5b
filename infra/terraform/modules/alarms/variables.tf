variable "name" {
  description = "Prefix of the names of all alarms, such as slipway-production."
  type        = string
}

variable "log_group_name" {
  description = "Log group with the site's log in JSON (LOG_FORMAT=json). If empty, the module creates no alarms that count log lines."
  type        = string
  default     = ""
}

variable "queue_name" {
  description = "Name of the queue for S3's notifications. If empty, the module creates no alarm about this queue."
  type        = string
  default     = ""
}

variable "dead_letter_queue_name" {
  description = "Name of the dead-letter queue of the notifications. If empty, the module creates no alarm about this queue."
  type        = string
  default     = ""
}

variable "function_names" {
  description = "Names of the site's Lambda functions. If empty, the module creates no alarms about Lambda."
  type        = list(string)
  default     = []
}

variable "action_arns" {
  description = "ARNs that CloudWatch notifies when an alarm begins and when it ends, such as the ARN of an SNS topic."
  type        = list(string)
  default     = []
}

variable "max_server_errors" {
  description = "Largest number of responses with status 5xx in five minutes that causes no alarm."
  type        = number
  default     = 5
}

variable "presign_band" {
  description = "Width of the band of normal values of upload requests, in standard deviations. A smaller value causes more alarms."
  type        = number
  default     = 4
}

variable "max_notification_age_seconds" {
  description = "Largest age of the oldest notification in seconds that causes no alarm."
  type        = number
  default     = 600
}

variable "tags" {
  description = "Tags of all alarms."
  type        = map(string)
  default     = {}
}
