"""All individuals of a run: as columns, and as a table that is linked with the other views."""
