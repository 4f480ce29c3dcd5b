variable "name" {
  description = "Beginning of the names of all alarms, such as slipway-production."
  type        = string
}

variable "log_group_name" {
  description = "Log group with the site's log in JSON (LOG_FORMAT=json). Empty: no alarms that count log lines."
  type        = string
  default     = ""
}

variable "queue_name" {
  description = "Queue of S3's notifications. Empty: no alarms about it."
  type        = string
  default     = ""
}

variable "dead_letter_queue_name" {
  description = "Dead-letter queue of the notifications. Empty: no alarm about it."
  type        = string
  default     = ""
}

variable "function_names" {
  description = "Lambda functions of the site. Empty: no alarms about Lambda."
  type        = list(string)
  default     = []
}

variable "action_arns" {
  description = "ARNs that hear of an alarm and of its end, such as an SNS topic."
  type        = list(string)
  default     = []
}

variable "max_server_errors" {
  description = "Answers with status 5xx in five minutes that are still no alarm."
  type        = number
  default     = 5
}

variable "presign_band" {
  description = "Width of the normal band of upload requests, in standard deviations. Smaller: more alarms."
  type        = number
  default     = 4
}

variable "max_notification_age_seconds" {
  description = "Age of the oldest notification that is still no alarm."
  type        = number
  default     = 600
}

variable "tags" {
  description = "Tags of all alarms."
  type        = map(string)
  default     = {}
}
