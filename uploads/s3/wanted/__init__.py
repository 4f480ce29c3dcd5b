"""The wanted settings of the bucket, as documents made from the site's facts.

Pure functions. `setup_bucket`, the doctor, the demo site, docs/bucket.md and the
infrastructure code all use these documents.
"""
