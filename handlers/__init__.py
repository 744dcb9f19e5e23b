"""What the bot decides. Knows no platform, no SQL, no clock; imports storage only."""
