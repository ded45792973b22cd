//! The stevedore command: fleets, packages and rollouts through the Kubernetes API.
