//! Extension messages (BEP 10, 11, 54, 55): what they say, and that it proves nothing.
