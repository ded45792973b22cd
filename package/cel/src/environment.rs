//! The environment of all expressions.

use std::sync::{Arc, OnceLock};

use cel::Env;

use crate::library;

/// The functions expressions see: the standard library, the string extension, and Kubernetes' libraries.
pub(crate) fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        env.add_extension(cel::extensions::strings)
            .and_then(|()| env.add_extension(library::extension))
            // No expression may call these: they are for what a schema says to be base64.
            .and_then(|()| env.add_extension(cel::extensions::encoders))
            .expect("no extension declares what another has");
        Arc::new(env)
    })
}
