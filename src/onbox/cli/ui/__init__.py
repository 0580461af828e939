"""The one place that writes to a terminal, and the only one that knows Rich.

What a model, a server, an agent, a task or a file says is data: it is shown as text, never read as markup, and never
reaches the terminal as an escape sequence. Everything goes through `console`, which sees to that.
"""
