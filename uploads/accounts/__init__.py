"""User accounts: this site's part around django-allauth."""
