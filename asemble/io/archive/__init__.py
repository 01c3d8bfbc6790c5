"""Archives and uploads to the bytes of each file, within limits."""
