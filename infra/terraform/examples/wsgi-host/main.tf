# A bucket on AWS for a site that runs on a WSGI host outside of AWS, such as a VPS.
# After `terraform apply`, create an access key for the signer and one for the worker. Put both keys into the
# environment of the site.

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

# The notifications of the bucket need the queue, and the policy of the queue needs the bucket's ARN. To avoid a cycle,
# the ARN is written here with the bucket's name.
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

# A host outside of AWS cannot have a role, so the worker is a user, like the signer.
resource "aws_iam_user" "worker" {
  # checkov:skip=CKV_AWS_273:Only a process on a host outside of AWS uses this user. No person logs in as this user.
  name = "${local.name}-worker"
  tags = local.tags
}

resource "aws_iam_user_policy_attachment" "worker" {
  # checkov:skip=CKV_AWS_40:There is only one user with one policy. A group would not make the policy safer.
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
