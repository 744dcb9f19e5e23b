"""What can go wrong between the database and us, each with its cure."""


class NotFound(LookupError):
    """No such row; tell the person who asked."""


class LeaseLost(RuntimeError):
    """Another instance took the work over; undo everything and let it go on."""


class Unreachable(ConnectionError):
    """No connection to the database is to be had; wait for it, nothing is wrong with the work."""


class SchemaOutdated(RuntimeError):
    """The database is older or newer than the program; run `python -m bot migrate`."""
