//! A client that writes only while this process leads.
//!
//! Whoever changes objects asks first whether it leads, so as not to begin; but between two writes of one piece of
//! work a pull may take a minute, or an answer longer than the Lease holds. The client asks again before every write:
//! nobody can forget it.

use std::sync::Arc;

use http::Request;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, service_fn};

use crate::leadership::lease::Leader;

/// A write that was not sent.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this replica does not lead and writes nothing")]
pub(crate) struct NotLeading;

/// The same client, whose writes fail with [`NotLeading`] unless `leader` leads when they would be sent.
pub(crate) fn guarded(client: Client, leader: Arc<Leader>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let (client, leader) = (client.clone(), Arc::clone(&leader));
        async move {
            if !request.method().is_safe() && leader.current().is_none() {
                return Err(BoxError::from(NotLeading));
            }
            client.send(request).await.map_err(BoxError::from)
        }
    });
    Client::new(service, namespace)
}
