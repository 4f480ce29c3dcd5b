output "alarm_names" {
  description = "Names of all alarms of the module."
  value = concat(
    aws_cloudwatch_metric_alarm.server_errors[*].alarm_name,
    aws_cloudwatch_metric_alarm.presign_rate[*].alarm_name,
    aws_cloudwatch_metric_alarm.storage_failures[*].alarm_name,
    aws_cloudwatch_metric_alarm.notification_age[*].alarm_name,
    aws_cloudwatch_metric_alarm.dead_letters[*].alarm_name,
    [for alarm in aws_cloudwatch_metric_alarm.throttles : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.function_errors : alarm.alarm_name],
  )
}
