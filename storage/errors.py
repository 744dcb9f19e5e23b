"""What can go wrong between the database and us, each with its cure."""


class NotFound(LookupError):
    """No such row; tell the person who asked."""


class LeaseLost(RuntimeError):
    """Another instance took the work over; undo everything and let it go on."""


class SchemaOutdated(RuntimeError):
    """The database is older or newer than the program; run `python -m bot migrate`."""
