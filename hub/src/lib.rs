//! The hub: wiring of its controllers, gRPC server and process.
