//! Orders.

use std::sync::Arc;

use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::{
    ContentRef, DeletionPolicy, DeploymentUid, Epoch, EpochId, Leadership, Order, OrderBody,
    PackageRef, PackageUid, Settings, Term, TermId, Tuple, limit,
};

use super::{Error, digest, fixed, optional, present, text, within};
use crate::v1;

/// Longest W3C `traceparent` of version 00; longer ones belong to later versions and are dropped.
const TRACEPARENT: usize = 55;

impl TryFrom<v1::Epoch> for Epoch {
    type Error = Error;

    fn try_from(epoch: v1::Epoch) -> Result<Self, Error> {
        Ok(Self {
            counter: epoch.counter,
            id: EpochId::from_bytes(fixed(&epoch.id, "epoch.id")?),
        })
    }
}

impl TryFrom<v1::Term> for Term {
    type Error = Error;

    fn try_from(term: v1::Term) -> Result<Self, Error> {
        Ok(Self {
            counter: term.counter,
            id: TermId::from_bytes(fixed(&term.id, "term.id")?),
        })
    }
}

impl TryFrom<v1::Leadership> for Leadership {
    type Error = Error;

    fn try_from(leadership: v1::Leadership) -> Result<Self, Error> {
        Ok(Self {
            epoch: present(leadership.epoch, "leadership.epoch")?.try_into()?,
            term: present(leadership.term, "leadership.term")?.try_into()?,
        })
    }
}

impl TryFrom<v1::Tuple> for Tuple {
    type Error = Error;

    fn try_from(tuple: v1::Tuple) -> Result<Self, Error> {
        Ok(Self {
            epoch: present(tuple.epoch, "tuple.epoch")?.try_into()?,
            term: present(tuple.term, "tuple.term")?.try_into()?,
            number: tuple.number,
            digest: digest(&tuple.digest, "tuple.digest")?,
        })
    }
}

impl TryFrom<v1::PackageRef> for PackageRef {
    type Error = Error;

    fn try_from(package: v1::PackageRef) -> Result<Self, Error> {
        Ok(Self {
            namespace: optional(package.namespace, limit::NAME, "package.namespace")?,
            name: text(package.name, limit::NAME, "package.name")?,
            uid: PackageUid::from_bytes(fixed(&package.uid, "package.uid")?),
            revision: package.revision,
        })
    }
}

impl TryFrom<v1::ContentRef> for ContentRef {
    type Error = Error;

    fn try_from(content: v1::ContentRef) -> Result<Self, Error> {
        let size = usize::try_from(content.size).unwrap_or(usize::MAX);
        within(size, limit::CONTENT, "content.size")?;
        Ok(Self {
            digest: digest(&content.digest, "content.digest")?,
            size: content.size,
        })
    }
}

impl TryFrom<v1::Settings> for Settings {
    type Error = Error;

    fn try_from(settings: v1::Settings) -> Result<Self, Error> {
        let deletion_policy = match settings.deletion_policy() {
            v1::DeletionPolicy::Unspecified => {
                return Err(Error::Malformed("settings.deletion_policy"));
            }
            v1::DeletionPolicy::Delete => DeletionPolicy::Delete,
            v1::DeletionPolicy::Orphan => DeletionPolicy::Orphan,
        };
        Ok(Self {
            account: optional(settings.account, limit::NAME, "settings.account")?,
            target_namespace: optional(
                settings.target_namespace,
                limit::NAME,
                "settings.target_namespace",
            )?,
            paused: settings.paused,
            deletion_policy,
        })
    }
}

impl TryFrom<v1::Order> for OrderMessage {
    type Error = Error;

    fn try_from(order: v1::Order) -> Result<Self, Error> {
        let content = order.content.unwrap_or_default();
        within(content.len(), limit::INLINE_CONTENT, "order.content")?;
        let body = match present(order.body, "order.body")? {
            v1::order::Body::Apply(content) => OrderBody::Apply(content.try_into()?),
            v1::order::Body::Tombstone(v1::Tombstone {}) => OrderBody::Tombstone,
        };
        Ok(Self {
            order: Order {
                deployment: DeploymentUid::from_bytes(fixed(
                    &order.deployment,
                    "order.deployment",
                )?),
                package: present(order.package, "order.package")?.try_into()?,
                tuple: present(order.tuple, "order.tuple")?.try_into()?,
                settings: present(order.settings, "order.settings")?.try_into()?,
                body,
            },
            content: (!content.is_empty()).then(|| Arc::from(content.as_ref())),
            traceparent: order
                .traceparent
                .filter(|text| text.len() <= TRACEPARENT && text.is_ascii()),
        })
    }
}
