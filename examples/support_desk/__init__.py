"""A support agent that is kept within its remit. Start with README.md."""
