"""The wanted state of the bucket: documents made from facts, as data.

Pure functions. `setup_bucket`, the doctor, the demo site, docs/bucket.md and the
infrastructure code all take these documents from here.
"""
