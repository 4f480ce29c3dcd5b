output "alarm_names" {
  description = "Names of all alarms of the module."
  value       = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]
}
