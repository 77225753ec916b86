import contextvars

contextvars.ContextVar("x").get()
