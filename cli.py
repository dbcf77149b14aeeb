"""`gnk`: the composition root.  Parses, builds objects, calls, prints."""
