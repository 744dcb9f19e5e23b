"""What is true: tables, queries, transactions. The only folder that knows SQL."""
