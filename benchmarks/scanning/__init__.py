"""What `content.py` measures with: texts, peers, and the statistics of a proportion."""
