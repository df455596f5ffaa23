"""The language of filters and orders, shared by every service that searches.

`grammar` reads text into the tree of `syntax`; `schema` gives every name in it a field of the searched objects and
every value a type, which makes the tree of `conditions`; a store compiles that to SQL or has `evaluation` test objects.
"""
