//! The protocol's words without a transport: tuples, orders, messages, digests.
//!
//! Hub and agent are written against these types; the crate `stevedore-proto` converts between them and
//! the wire. Nothing here does I/O, reads a clock or draws a random number.
//!
//! | Module | Holds |
//! |---|---|
//! | [`id`] | typed 128-bit ids, and how a deployment's id derives from package and cluster |
//! | [`digest`] | SHA-256 as a value, and the framing everything is hashed with |
//! | [`mod@tuple`] | epoch, term, order number: what an agent compares before it accepts anything |
//! | [`order`] | what the hub wants of one deployment: content and settings, or a tombstone |
//! | [`content`] | what an order carries: phases, objects, probes |
//! | [`feature`] | what a content needs of an agent beyond the version of the protocol |
//! | [`held`] | what a member holds, and the root digest over it |
//! | [`reason`] | why something stands as it does, as a closed vocabulary |
//! | [`status`] | what a member says about a deployment, with its size caps |
//! | [`environment`] | what a member says about itself |
//! | [`message`] | everything that travels on the control stream |
//! | [`join`] | the join token, as text and as it is stored |
//! | [`exchange`] | how an expired certificate is exchanged |
//! | [`clock`] | wall clocks of hub and member, compared |
//! | [`ledger`] | rows of a ledger as bytes |
//! | [`limit`] | the sizes beyond which a message is refused |
//! | [`label`] | labels and annotations on member objects |
//! | [`name`] | names of clusters, namespaces and objects, checked where they come in |

mod canonical;
pub mod clock;
pub mod content;
pub mod digest;
pub mod environment;
pub mod exchange;
pub mod feature;
pub mod held;
pub mod id;
pub mod join;
pub mod label;
pub mod ledger;
pub mod limit;
pub mod message;
pub mod name;
pub mod order;
pub mod reason;
pub mod status;
mod stored_size;
pub mod tuple;

pub use canonical::canonical_json;
pub use content::Content;
pub use digest::Digest;
pub use environment::Environment;
pub use feature::Features;
pub use held::Held;
pub use id::{ClusterUid, DeploymentUid, EpochId, InstanceId, PackageUid, TermId};
pub use message::{ToAgent, ToHub};
pub use name::ClusterName;
pub use order::{ContentRef, DeletionPolicy, Order, OrderBody, PackageRef, Settings};
pub use reason::Reason;
pub use status::{DeploymentStatus, Stage};
pub use stored_size::{ObjectSize, stored_size};
pub use tuple::{Epoch, Leadership, Term, Tuple};

/// Milliseconds on a monotonic clock chosen by the caller. Only differences mean anything.
pub type Millis = u64;
