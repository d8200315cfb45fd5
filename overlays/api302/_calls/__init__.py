"""The way of a call from arguments to a typed response: `prepare`, `exchange`, `response`; `call`
is all of it.
"""
