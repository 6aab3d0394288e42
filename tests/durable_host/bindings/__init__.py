"""The bindings that Azurite serves: values read for a function, and what it gave written."""
