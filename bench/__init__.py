"""What is measured, side by side with peers: ``python -m bench`` writes ``bench/RESULTS.md``."""
