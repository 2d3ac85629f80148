"""Commands about the keys that vouch for a log."""
