# The site behind API Gateway, and its two background jobs, as three Lambda functions with the same package.

data "aws_partition" "current" {}

locals {
  functions = merge(
    {
      web = {
        handler     = "config.serverless.web.handler"
        timeout     = 29 # API Gateway returns an error after 30 seconds
        concurrency = var.web_concurrency
      }
      sweep = {
        handler     = "config.serverless.jobs.sweep"
        timeout     = 300
        concurrency = 1 # one sweep at a time is enough
      }
    },
    var.queue_arn == "" ? {} : {
      notifications = {
        handler     = "config.serverless.jobs.notifications"
        timeout     = 60
        concurrency = 5
      }
    },
  )
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "secret" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.secret_arn]
  }

  dynamic "statement" {
    for_each = var.secret_kms_key_arn == "" ? [] : [var.secret_kms_key_arn]

    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "secret" {
  name   = "secret"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.secret.json
}

resource "aws_iam_role_policy_attachment" "log" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy_attachment" "tracing" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"
}

resource "aws_iam_role_policy_attachment" "network" {
  count      = length(var.subnet_ids) == 0 ? 0 : 1
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_cloudwatch_log_group" "function" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts all logs with its own key. The variable kms_key_arn selects another key. Slipway logs no secrets.
  # checkov:skip=CKV_AWS_338:By default, CloudWatch keeps the logs for a year. The variable log_retention_days can shorten this time.
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_116:A failed call loses no data. Browsers repeat requests, the next sweep finds the same rows, and SQS has a dead-letter queue.
  # checkov:skip=CKV_AWS_117:A database that accepts connections over TLS needs no VPC. The variable subnet_ids selects a VPC.
  # checkov:skip=CKV_AWS_173:The variables contain no secrets, because the functions read them from Secrets Manager. The variable kms_key_arn selects a key.
  # checkov:skip=CKV_AWS_272:Code signing needs a signing profile in the operator's account.
  for_each                       = local.functions
  function_name                  = "${var.name}-${each.key}"
  role                           = aws_iam_role.this.arn
  handler                        = each.value.handler
  runtime                        = var.python_runtime
  architectures                  = [var.architecture]
  filename                       = var.package_file
  source_code_hash               = filebase64sha256(var.package_file)
  memory_size                    = var.memory_mb
  timeout                        = each.value.timeout
  reserved_concurrent_executions = each.value.concurrency
  kms_key_arn                    = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags                           = var.tags
  depends_on                     = [aws_cloudwatch_log_group.function, aws_iam_role_policy_attachment.log]

  environment {
    variables = merge(
      {
        DEBUG                  = "false"
        DATABASE_CONN_MAX_AGE  = "0"
        LOG_FORMAT             = "json"
        STATIC_ROOT            = "/var/task/static_root"
        SLIPWAY_SECRETS        = "secretsmanager:${var.secret_arn}"
        BEHIND_TLS_PROXY       = "true"
        TASKS_BACKEND          = "immediate"
        DJANGO_SETTINGS_MODULE = "config.settings"
      },
      var.environment,
    )
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) == 0 ? [] : [1]

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }
}

resource "aws_apigatewayv2_api" "this" {
  name                         = var.name
  protocol_type                = "HTTP"
  description                  = "Slipway. The API needs no CORS rule, because the pages have the same origin."
  disable_execute_api_endpoint = false
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "web" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this["web"].invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_route" "default" {
  # checkov:skip=CKV_AWS_309:Django authenticates every request by session or token, and returns 401 before it reads a body. An authorizer would also block the login page.
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.web.id}"
  authorization_type = "NONE"
}

resource "aws_cloudwatch_log_group" "access" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts all logs with its own key. The variable kms_key_arn selects another key.
  # checkov:skip=CKV_AWS_338:By default, CloudWatch keeps the logs for a year. The variable log_retention_days can shorten this time.
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = var.tags
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Do not log the query string, because it may contain search words.
    format = jsonencode({
      time      = "$context.requestTime"
      id        = "$context.requestId"
      address   = "$context.identity.sourceIp"
      method    = "$context.httpMethod"
      status    = "$context.status"
      bytes     = "$context.responseLength"
      latency   = "$context.responseLatency"
      lambda_ms = "$context.integrationLatency"
      error     = "$context.error.message"
    })
  }

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_burst_limit   = 500
    throttling_rate_limit    = 250
  }
}

resource "aws_lambda_permission" "web" {
  statement_id  = "AllowHttpApi"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["web"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Starts the sweep, which completes or expires abandoned uploads, and deletes unneeded objects."
  schedule_expression = var.sweep_rate
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.sweep.name
  arn  = aws_lambda_function.this["sweep"].arn

  retry_policy {
    maximum_event_age_in_seconds = 60 # no retry is needed, because the next sweep does the same work
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "sweep" {
  statement_id  = "AllowSchedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["sweep"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}

data "aws_iam_policy_document" "queue" {
  count = var.queue_arn == "" ? 0 : 1

  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [var.queue_arn]
  }
}

resource "aws_iam_role_policy" "queue" {
  count  = var.queue_arn == "" ? 0 : 1
  name   = "queue"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.queue[0].json
}

resource "aws_lambda_event_source_mapping" "notifications" {
  count                   = var.queue_arn == "" ? 0 : 1
  event_source_arn        = var.queue_arn
  function_name           = aws_lambda_function.this["notifications"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  depends_on              = [aws_iam_role_policy.queue]

  scaling_config {
    maximum_concurrency = 5
  }
}
