"""Graphs as tools of others read them, and what these say of them."""
