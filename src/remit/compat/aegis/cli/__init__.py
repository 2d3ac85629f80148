"""Aegis' command lines."""
