# A bucket on AWS for a site that runs on a WSGI host elsewhere, such as a VPS.
# Afterwards: make an access key for the signer and for the worker, and put them in the site's environment.

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

locals {
  name = "slipway-example"
  tags = { service = "slipway" }
}

# The queue must exist before the bucket may name it, and its policy names the bucket: hence an ARN by name.
module "notifications" {
  source     = "../../modules/notifications"
  name       = "${local.name}-notifications"
  bucket_arn = "arn:aws:s3:::${local.name}-files"
  tags       = local.tags
}

module "bucket" {
  source            = "../../modules/bucket"
  name              = "${local.name}-files"
  site_origins      = ["https://files.example.com"]
  quarantine_prefix = "quarantine/"
  queue_arn         = module.notifications.queue_arn
  tags              = local.tags
}

module "iam" {
  source            = "../../modules/iam"
  name              = local.name
  bucket_arn        = module.bucket.arn
  quarantine_prefix = "quarantine/"
  queue_arn         = module.notifications.queue_arn
  tags              = local.tags
}

# Outside of AWS there is no role: the worker is a user too.
resource "aws_iam_user" "worker" {
  # checkov:skip=CKV_AWS_273:A process on a host outside of AWS logs in with it, no person.
  name = "${local.name}-worker"
  tags = local.tags
}

resource "aws_iam_user_policy_attachment" "worker" {
  # checkov:skip=CKV_AWS_40:One user, one policy: a group would add a step and no safety.
  user       = aws_iam_user.worker.name
  policy_arn = module.iam.worker_policy_arn
}

module "alarms" {
  source                 = "../../modules/alarms"
  name                   = local.name
  queue_name             = module.notifications.queue_name
  dead_letter_queue_name = module.notifications.dead_letter_queue_name
  tags                   = local.tags
}

output "environment" {
  value = merge(module.bucket.environment, {
    S3_NOTIFICATIONS_QUEUE_URL = module.notifications.queue_url
  })
}
