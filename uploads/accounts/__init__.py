"""User accounts: the site's extensions of django-allauth."""
