"""Synthetic worlds with known truth: text beside a table of what is true in it, deterministic by seed.

A world is a function of its spec: any document and any row of the table can be made by itself, so
that a world of any size is written in little memory, and a form can show three documents at once.
"""
