"""The demo of a digits classifier, and the clients of a cluster that it shares with the end-to-end tests.

The folder above is where Python looks for it: `PYTHONPATH=examples python -m digits.demo`.
"""
