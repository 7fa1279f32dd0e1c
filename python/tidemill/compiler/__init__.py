"""The compiler's Python half: a user's function, read from its own source, as a tree of plain data.

`front.describe` is the one entry point; the trees go as JSON to the native half, which types and
compiles them. Everything here runs in the driver, never in a worker, and never calls user code.
"""
