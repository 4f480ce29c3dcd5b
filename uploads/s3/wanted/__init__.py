"""Describes the settings that the site wants for its bucket.

Pure functions compute these settings, as S3's documents, from the facts about a site.
`setup_bucket`, the doctor, the demo site, docs/bucket.md and the infrastructure code
use the same documents.
"""
