"""A small app on hlidka.fastapi: see app.py."""
