# The whole site on AWS without a server: API Gateway, Lambda, SQS, S3. You provide the database.
# The secret contains the URL of the database, SECRET_KEY and the signer's access key.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "secret_arn" {
  description = "ARN of the Secrets Manager secret with SECRET_KEY, DATABASE_URL, EMAIL_URL, S3_SIGNER_ACCESS_KEY_ID and S3_SIGNER_SECRET_ACCESS_KEY."
  type        = string
}

variable "host" {
  description = "Host name of the site."
  type        = string
  default     = "files.example.com"
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic to which CloudWatch sends the alarms."
  type        = string
}

locals {
  name = "slipway-example"
  tags = { service = "slipway" }
}

module "notifications" {
  source     = "../../modules/notifications"
  name       = "${local.name}-notifications"
  bucket_arn = "arn:aws:s3:::${local.name}-files"
  tags       = local.tags
}

module "bucket" {
  source       = "../../modules/bucket"
  name         = "${local.name}-files"
  site_origins = ["https://${var.host}"]
  queue_arn    = module.notifications.queue_arn
  tags         = local.tags
}

module "lambda" {
  source       = "../../modules/lambda"
  name         = local.name
  package_file = "../../../../var/lambda.zip"
  secret_arn   = var.secret_arn
  queue_arn    = module.notifications.queue_arn
  tags         = local.tags

  environment = merge(module.bucket.environment, {
    ALLOWED_HOSTS = var.host
  })
}

module "iam" {
  source            = "../../modules/iam"
  name              = local.name
  bucket_arn        = module.bucket.arn
  worker_role_names = [module.lambda.role_name]
  tags              = local.tags
}

module "alarms" {
  source                 = "../../modules/alarms"
  name                   = local.name
  log_group_name         = module.lambda.web_log_group_name
  queue_name             = module.notifications.queue_name
  dead_letter_queue_name = module.notifications.dead_letter_queue_name
  function_names         = module.lambda.function_names
  action_arns            = [var.alarm_topic_arn]
  tags                   = local.tags
}

output "url" {
  value = module.lambda.url
}
