"""What happens because time passed. Imports handlers and storage."""
