"""Looking: FastAPI reads state and flips controls, and never trades."""
