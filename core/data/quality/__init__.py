"""Filters that are trained: a reference model of trusted text, and a quality classifier."""
