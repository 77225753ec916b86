"""What can go wrong."""


class TrainError(Exception):
    """Something is wrong that the user can mend; the message says what, and how."""
