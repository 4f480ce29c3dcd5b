# What wakes an operator. Figures of the log come from metric filters on the site's JSON lines.

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

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  count               = local.has_log ? 1 : 0
  alarm_name          = "${var.name}-server-errors"
  alarm_description   = "The site answered more than ${var.max_server_errors} requests with 5xx in five minutes. Look for status 500 in the log; 503 means that the database or the bucket is away."
  namespace           = local.namespace
  metric_name         = "server_errors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = var.max_server_errors
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "presign_rate" {
  count               = local.has_log ? 1 : 0
  alarm_name          = "${var.name}-presign-rate"
  alarm_description   = "Many more requests for upload URLs than usual at this hour: a leaked token, or a very large folder. See who in the audit trail."
  evaluation_periods  = 3
  threshold_metric_id = "band"
  comparison_operator = "GreaterThanUpperThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags

  metric_query {
    id          = "band"
    expression  = "ANOMALY_DETECTION_BAND(requests, ${var.presign_band})"
    label       = "Usual"
    return_data = true
  }

  metric_query {
    id          = "requests"
    return_data = true

    metric {
      namespace   = local.namespace
      metric_name = "presign_requests"
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "storage_failures" {
  count               = local.has_log ? 1 : 0
  alarm_name          = "${var.name}-storage-failures"
  alarm_description   = "S3 failed or throttled requests of the site for ten minutes. Uploads wait and go on by themselves."
  namespace           = local.namespace
  metric_name         = "storage_failures"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 20
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "notification_age" {
  count               = var.queue_name == "" ? 0 : 1
  alarm_name          = "${var.name}-notification-age"
  alarm_description   = "Notifications of S3 wait: consume_notifications does not run, or fails. Uploads still complete, by the page and by the sweep."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = var.max_notification_age_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count               = var.dead_letter_queue_name == "" ? 0 : 1
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "A notification could not be processed. Read it in the dead-letter queue, mend the cause, then redrive it."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each            = toset(var.function_names)
  alarm_name          = "${var.name}-throttles-${each.value}"
  alarm_description   = "Lambda refused to start ${each.value}: raise its reserved concurrency, or the account's limit."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "function_errors" {
  for_each            = toset(var.function_names)
  alarm_name          = "${var.name}-errors-${each.value}"
  alarm_description   = "${each.value} ended with an error or ran out of time. See its log group."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.action_arns
  ok_actions          = var.action_arns
  tags                = var.tags
}
