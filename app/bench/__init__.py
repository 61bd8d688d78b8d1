"""Measures the window itself: frames of the plot, and how soon a page with many runs stands."""
