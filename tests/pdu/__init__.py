"""The SMS codec, alone."""
