//! CEL with the limits that hostile input needs.
