"""Parts of `scripts/benchmark_inference.py`."""
