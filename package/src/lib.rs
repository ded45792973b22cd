//! The package format: unpack, validate, render, and the OCI image that carries it.
