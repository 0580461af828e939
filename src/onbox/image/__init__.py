"""Images: fetched beside the daemon, built for this chip, sealed, and read without being run."""
