"""A Django project with the one view of i'mport's guide, as a shop would write it in an afternoon."""
