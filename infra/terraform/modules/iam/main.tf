# The two identities of the site. Their policies come from rendered/iam.json.tftpl.
# scripts/terraform_documents.py writes this file from the same data that `manage.py iam_policy` uses.

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
  # checkov:skip=CKV_AWS_273:The site uses the signer's access keys. No person logs in with these keys. The keys must be valid longer than the URLs that they sign.
  count = var.create_signer_user ? 1 : 0
  name  = "${var.name}-signer"
  tags  = var.tags
}

resource "aws_iam_user_policy_attachment" "signer" {
  # checkov:skip=CKV_AWS_40:There is only one user with one policy. A group would not make the policy safer.
  count      = var.create_signer_user ? 1 : 0
  user       = aws_iam_user.signer[0].name
  policy_arn = aws_iam_policy.signer.arn
}

resource "aws_iam_role_policy_attachment" "worker" {
  for_each   = toset(var.worker_role_names)
  role       = each.value
  policy_arn = aws_iam_policy.worker.arn
}
