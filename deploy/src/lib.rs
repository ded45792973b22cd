//! The manifests that install Stevedore, as text.
