"""What the processes of Nereid tell each other: model sources, Jobs and their answers, Triton's configuration.

Imports nothing but the API's types, so that every process may import it.
"""
