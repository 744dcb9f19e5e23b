"""Pages. Holds no rule of its own: every decision is a use case in `handlers`."""
