# CloudWatch alarms for operators. Metric filters count lines in the JSON log of the site.

locals {
  namespace = "Slipway/${var.name}"
  has_log   = var.log_group_name != ""

  counted = {
    server_errors = {
      pattern = "{ $.event = \"request\" && $.status >= 500 }"
    }
    presign_requests = {
      pattern = "{ $.event = \"request\" && $.method = \"POST\" && $.path = \"/api/v1/uploads*\" }"
    }
    storage_failures = {
      pattern = "{ $.logger = \"slipway.s3\" && $.level = \"warning\" }"
    }
  }

  usual = {
    wanted             = true
    dimensions         = {}
    statistic          = "Sum"
    evaluation_periods = 1
    threshold          = 0
    band               = 0
  }

  site_alarms = {
    server-errors = {
      wanted      = local.has_log
      description = "The site answered more than ${var.max_server_errors} requests with 5xx in five minutes. Search the log for status 500. Status 503 means that the database or the bucket does not answer."
      namespace   = local.namespace
      metric      = "server_errors"
      threshold   = var.max_server_errors
    }
    presign-rate = {
      wanted             = local.has_log
      description        = "The site gets many more requests for upload URLs than usual at this hour. Possible causes are a leaked token or a very large folder. The audit trail names the account."
      namespace          = local.namespace
      metric             = "presign_requests"
      evaluation_periods = 3
      band               = var.presign_band
    }
    storage-failures = {
      wanted             = local.has_log
      description        = "For ten minutes, S3 has answered requests of the site with errors, or has throttled them. Uploads continue automatically when S3 answers again."
      namespace          = local.namespace
      metric             = "storage_failures"
      evaluation_periods = 2
      threshold          = 20
    }
    notification-age = {
      wanted      = var.queue_name != ""
      description = "Notifications of S3 wait in the queue, because consume_notifications fails or does not run. Browsers and the sweeper still complete the uploads."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = var.queue_name }
      statistic   = "Maximum"
      threshold   = var.max_notification_age_seconds
    }
    dead-letters = {
      wanted      = var.dead_letter_queue_name != ""
      description = "The site could not process a notification. Read the message in the dead-letter queue, fix the cause, then redrive the message."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = var.dead_letter_queue_name }
      statistic   = "Maximum"
    }
  }

  throttle_alarms = {
    for name in var.function_names : "throttles-${name}" => {
      description = "Lambda refused to start ${name}, because its concurrency limit is reached. Raise the reserved concurrency of the function, or the limit of the account."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = name }
    }
  }

  error_alarms = {
    for name in var.function_names : "errors-${name}" => {
      description        = "The function ${name} ended with an error or exceeded its timeout. See its log group."
      namespace          = "AWS/Lambda"
      metric             = "Errors"
      dimensions         = { FunctionName = name }
      evaluation_periods = 2
    }
  }

  alarms = {
    for name, alarm in merge(local.site_alarms, local.throttle_alarms, local.error_alarms) :
    name => merge(local.usual, alarm) if try(alarm.wanted, true)
  }
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.has_log ? local.counted : {}
  name           = "${var.name}-${each.key}"
  log_group_name = var.log_group_name
  pattern        = each.value.pattern

  metric_transformation {
    name          = each.key
    namespace     = local.namespace
    value         = "1"
    default_value = "0"
  }
}

# An alarm with a band compares a metric with the metric's usual values at this hour. All other
# alarms compare a metric with a threshold.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.band == 0 ? each.value.namespace : null
  metric_name         = each.value.band == 0 ? each.value.metric : null
  dimensions          = each.value.band == 0 ? each.value.dimensions : null
  statistic           = each.value.band == 0 ? each.value.statistic : null
  period              = each.value.band == 0 ? 300 : null
  threshold           = each.value.band == 0 ? each.value.threshold : null
  threshold_metric_id = each.value.band == 0 ? null : "band"
  evaluation_periods  = each.value.evaluation_periods
  comparison_operator = each.value.band == 0 ? "GreaterThanThreshold" : "GreaterThanUpperThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags

  dynamic "metric_query" {
    for_each = each.value.band == 0 ? [] : ["band"]

    content {
      id          = "band"
      expression  = "ANOMALY_DETECTION_BAND(requests, ${each.value.band})"
      label       = "Usual"
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.band == 0 ? [] : ["requests"]

    content {
      id          = "requests"
      return_data = true

      metric {
        namespace   = each.value.namespace
        metric_name = each.value.metric
        stat        = each.value.statistic
        period      = 300
      }
    }
  }
}
