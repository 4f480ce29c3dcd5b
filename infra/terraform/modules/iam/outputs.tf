output "signer_policy_arn" {
  description = "ARN of the signer's policy."
  value       = aws_iam_policy.signer.arn
}

output "signer_user_name" {
  description = "Name of the signer's user, or null if the module creates no user."
  value       = try(aws_iam_user.signer[0].name, null)
}

output "worker_policy_arn" {
  description = "ARN of the worker's policy."
  value       = aws_iam_policy.worker.arn
}

output "worker_policy_json" {
  description = "The worker's policy as JSON."
  value       = local.policies.worker
}
