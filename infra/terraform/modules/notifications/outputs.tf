output "queue_arn" {
  description = "queue_arn of the bucket and iam modules. S3 checks the queue's policy before it accepts the queue, so it is known only after the policy."
  value       = aws_sqs_queue.this.arn
  depends_on  = [aws_sqs_queue_policy.this]
}

output "queue_name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "queue_url" {
  description = "S3_NOTIFICATIONS_QUEUE_URL of the site."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_queue_name" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead.name
}
