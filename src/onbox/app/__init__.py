"""The application layer: what each command does, callable without the command line.

A use case composes rooms that know, act, judge and report; it parses no options, prints nothing and ends no process.
What takes time is said through a callback, what went wrong is an `onbox.errors.OnboxError`. `from onbox import ...`
offers these functions by the same names.
"""
