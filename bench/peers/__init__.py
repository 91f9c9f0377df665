"""One ASGI application a file, each served by one uvicorn worker."""
