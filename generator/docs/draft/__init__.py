"""Drafts: a fragment in the specification's conventions from pages, for a person to review and
paste.

`fragment` writes it; `operation` drafts one call, `components` its schemas, `names` what they are
called. `behaviour` and `streams` propose x- extensions from what `conventions` finds in the rest of
the specification; `house_yaml` is the style.
"""
