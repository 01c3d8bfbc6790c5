"""Compressed pixels to arrays, in processes of their own."""
