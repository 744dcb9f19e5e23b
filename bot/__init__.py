"""Doors and wiring: platforms, web pages, command line, processes. Imports everything below."""
