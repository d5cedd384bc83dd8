"""What lets Twilio code work against this gateway."""
