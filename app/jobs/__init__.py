"""When: the Celery app, beat's schedule, three-line tasks, the composition root."""
