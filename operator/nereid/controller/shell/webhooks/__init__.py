"""Calls of webhooks: an HTTP client with bounds, the addresses that it never calls, and signatures.

Must not import what decides: it carries out orders as values, and returns answers as values.
"""
