"""Run the tutorials and the Dockerfile literally in a new root directory."""
