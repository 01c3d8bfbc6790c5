"""What each verb of the command line does, once its arguments are read."""
