"""Training the members on simulated studies."""
