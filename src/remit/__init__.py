"""Keep AI agents within their remit."""
