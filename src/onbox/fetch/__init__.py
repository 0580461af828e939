"""Weights and blobs brought here, resumed and held against their hashes: one transfer for all sources."""
