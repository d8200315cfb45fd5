"""What is published from the specification for teams in other languages, and what changed since the
last time.
"""
