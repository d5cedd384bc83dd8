"""What the codec is asked with the vectors beside the repository, and vectors of our own."""
