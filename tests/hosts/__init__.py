"""The tutorials and the Dockerfile, tried literally in a fresh root directory."""
