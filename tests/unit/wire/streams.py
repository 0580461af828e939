"""A stream, and how it is asked for."""

from tests.exchanges import delta, event, usage_event

TEXT = "Grüße: 12 €, 😀 und mehr"
STREAM = (": a comment\r\n\r\n" + delta(content=TEXT) + usage_event(5, 9) + event("[DONE]")).encode()
