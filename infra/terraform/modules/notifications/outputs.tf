output "queue_arn" {
  description = "ARN of the queue, for queue_arn of the bucket and iam modules. S3 checks the policy of the queue before it accepts the queue, so this output waits for the policy."
  value       = aws_sqs_queue.this.arn
  depends_on  = [aws_sqs_queue_policy.this]
}

output "queue_name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "queue_url" {
  description = "URL of the queue, for the site's variable S3_NOTIFICATIONS_QUEUE_URL."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_queue_name" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead.name
}
