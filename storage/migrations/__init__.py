"""How the schema got to where it is. `env.py` is run by alembic, `runner` by us."""
