output "url" {
  description = "URL of the site that API Gateway assigns. You can set up your own domain later."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "role_name" {
  description = "Role of the functions, for worker_role_names of the iam module."
  value       = aws_iam_role.this.name
}

output "function_names" {
  description = "Names of the functions, for the alarms module."
  value       = [for function in aws_lambda_function.this : function.function_name]
}

output "web_log_group_name" {
  description = "Log group of the web function, for the alarms module."
  value       = aws_cloudwatch_log_group.function["web"].name
}
