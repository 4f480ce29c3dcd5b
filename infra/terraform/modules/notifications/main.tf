# The queue from which `manage.py consume_notifications` reads S3's notifications, and its dead-letter queue. If the site
# repeatedly fails to process a message, SQS moves the message to the dead-letter queue.

locals {
  policy = jsondecode(templatefile("${path.module}/../../rendered/queue.json.tftpl", {
    bucket_arn = var.bucket_arn
    queue_arn  = aws_sqs_queue.this.arn
  }))
}

resource "aws_sqs_queue" "dead" {
  name                              = "${var.name}-dead"
  message_retention_seconds         = 14 * 24 * 3600 # SQS keeps a message for at most 14 days
  kms_master_key_id                 = var.kms_key_arn == "" ? null : var.kms_key_arn
  sqs_managed_sse_enabled           = var.kms_key_arn == "" ? true : null
  kms_data_key_reuse_period_seconds = var.kms_key_arn == "" ? null : 3600
  tags                              = var.tags
}

resource "aws_sqs_queue" "this" {
  name                              = var.name
  message_retention_seconds         = 4 * 24 * 3600
  visibility_timeout_seconds        = var.visibility_timeout_seconds
  receive_wait_time_seconds         = 20
  kms_master_key_id                 = var.kms_key_arn == "" ? null : var.kms_key_arn
  sqs_managed_sse_enabled           = var.kms_key_arn == "" ? true : null
  kms_data_key_reuse_period_seconds = var.kms_key_arn == "" ? null : 3600
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receives
  })
  tags = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = jsonencode(local.policy)
}
