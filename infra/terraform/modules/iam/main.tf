# The two identities of the site. Their policies come from rendered/iam.json.tftpl, which the
# application writes from the same data as `manage.py iam_policy`.

locals {
  wanted = jsondecode(templatefile("${path.module}/../../rendered/iam.json.tftpl", {
    bucket_arn        = var.bucket_arn
    key_prefix        = var.key_prefix
    kms_key_arn       = var.kms_key_arn
    quarantine_prefix = var.quarantine_prefix
    queue_arn         = var.queue_arn
  }))

  features = concat(
    ["uploads"],
    var.quarantine_prefix == "" ? [] : ["quarantine"],
    var.versioning ? ["versions"] : [],
    var.queue_arn == "" ? [] : ["notifications"],
    var.kms_key_arn == "" ? [] : ["kms"],
  )

  policies = {
    for identity in ["signer", "worker"] : identity => jsonencode({
      Version   = "2012-10-17"
      Statement = flatten([for feature in local.features : try(local.wanted[identity][feature], [])])
    })
  }
}

resource "aws_iam_policy" "signer" {
  name        = "${var.name}-signer"
  description = "Slipway: makes upload URLs. It may write below the prefix and nothing else."
  policy      = local.policies.signer
  tags        = var.tags
}

resource "aws_iam_policy" "worker" {
  name        = "${var.name}-worker"
  description = "Slipway: checks, completes and deletes objects below the prefix."
  policy      = local.policies.worker
  tags        = var.tags
}

resource "aws_iam_user" "signer" {
  # checkov:skip=CKV_AWS_273:The signer's keys are kept by the site, no person logs in with them. They must outlive the URLs that they sign.
  count = var.create_signer_user ? 1 : 0
  name  = "${var.name}-signer"
  tags  = var.tags
}

resource "aws_iam_user_policy_attachment" "signer" {
  # checkov:skip=CKV_AWS_40:One user, one policy: a group would add a step and no safety.
  count      = var.create_signer_user ? 1 : 0
  user       = aws_iam_user.signer[0].name
  policy_arn = aws_iam_policy.signer.arn
}

resource "aws_iam_role_policy_attachment" "worker" {
  for_each   = toset(var.worker_role_names)
  role       = each.value
  policy_arn = aws_iam_policy.worker.arn
}
