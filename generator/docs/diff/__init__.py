"""What a page, or a recorded exchange, says that the specification lacks or contradicts, and a
person must decide.

`operation` holds a page's calls against the specification, `schemas` the schemas of one body,
`recorded` exchanges; `finding` is what they yield.
"""
