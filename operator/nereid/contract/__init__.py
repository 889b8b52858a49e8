"""The data formats that Nereid's processes share: model sources, Jobs and their results, Triton's configuration.

Imports nothing but the API's types, so that every process may import it.
"""
