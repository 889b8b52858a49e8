"""The one error that a command reports to its user as a sentence instead of a traceback."""


class ClusterError(Exception):
    """Something that the user can act on; the message says what to change."""
