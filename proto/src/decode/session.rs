//! The messages of the control stream.

use stevedore_proto_core::message::{Close, CloseReason, Hello, Page, Welcome};
use stevedore_proto_core::{
    DeploymentStatus, DeploymentUid, Digest, Held, InstanceId, Reason, ToAgent, ToHub, limit,
};

use super::{Error, digest, fixed, list, optional, present, text, within, words};
use crate::v1;

fn deployment(bytes: &[u8]) -> Result<DeploymentUid, Error> {
    fixed(bytes, "deployment").map(DeploymentUid::from_bytes)
}

impl TryFrom<v1::Hello> for Hello {
    type Error = Error;

    fn try_from(hello: v1::Hello) -> Result<Self, Error> {
        Ok(Self {
            version: hello.version,
            oldest_version: hello.oldest_version,
            features: words(hello.features, "hello.features")?,
            instance: InstanceId::from_bytes(fixed(&hello.instance, "hello.instance")?),
            incarnation: hello.incarnation,
            sequence: hello.sequence,
            agent_version: text(hello.agent_version, limit::VERSION, "hello.agent_version")?,
            seen: hello.seen.map(TryInto::try_into).transpose()?,
            root: digest(&hello.root, "hello.root")?,
            held: hello.held,
            environment: hello.environment.unwrap_or_default().try_into()?,
            time: hello.time_millis,
            api_server_silent: hello.api_server_silent_millis,
        })
    }
}

impl TryFrom<v1::Held> for Held {
    type Error = Error;

    fn try_from(held: v1::Held) -> Result<Self, Error> {
        Ok(Self {
            stage: held.stage().try_into()?,
            deployment: deployment(&held.deployment)?,
            package: present(held.package, "held.package")?.try_into()?,
            tuple: present(held.tuple, "held.tuple")?.try_into()?,
            content: held.content.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<v1::Page> for Page {
    type Error = Error;

    fn try_from(page: v1::Page) -> Result<Self, Error> {
        within(
            page.contents.len(),
            limit::HELD_PAGE_CONTENTS,
            "page.contents",
        )?;
        Ok(Self {
            request: page.request,
            index: page.index,
            last: page.last,
            held: list(page.held, limit::HELD_PAGE_ENTRIES, "page.held")?,
            contents: page
                .contents
                .iter()
                .map(|bytes| digest(bytes, "page.contents"))
                .collect::<Result<Vec<Digest>, Error>>()?,
        })
    }
}

impl TryFrom<v1::ToHub> for ToHub {
    type Error = Error;

    fn try_from(message: v1::ToHub) -> Result<Self, Error> {
        use v1::to_hub::Message;
        Ok(match message.message.ok_or(Error::UnknownMessage)? {
            Message::Hello(hello) => Self::Hello(Box::new(hello.try_into()?)),
            Message::Page(page) => Self::Page(page.try_into()?),
            Message::Ack(ack) => Self::Ack {
                stage: ack.stage().try_into()?,
                deployment: deployment(&ack.deployment)?,
                tuple: present(ack.tuple, "ack.tuple")?.try_into()?,
            },
            Message::Nack(nack) => Self::Nack {
                deployment: deployment(&nack.deployment)?,
                tuple: present(nack.tuple, "nack.tuple")?.try_into()?,
                reason: Reason::parse(&text(nack.reason, limit::REASON, "nack.reason")?),
                message: text(nack.message, limit::MESSAGE, "nack.message")?,
            },
            Message::Status(report) => {
                let status = present(report.status, "report.status")?;
                within(
                    prost::Message::encoded_len(&status),
                    limit::STATUS,
                    "report.status",
                )?;
                let status = Box::new(DeploymentStatus::try_from(status)?);
                Self::Status {
                    sequence: report.sequence,
                    status,
                }
            }
            Message::Heartbeat(heartbeat) => Self::Heartbeat {
                root: digest(&heartbeat.root, "heartbeat.root")?,
                sequence: heartbeat.sequence,
                api_server_silent: heartbeat.api_server_silent_millis,
            },
            Message::Environment(environment) => {
                Self::Environment(Box::new(environment.try_into()?))
            }
        })
    }
}

impl TryFrom<v1::Welcome> for Welcome {
    type Error = Error;

    fn try_from(welcome: v1::Welcome) -> Result<Self, Error> {
        Ok(Self {
            version: welcome.version,
            features: words(welcome.features, "welcome.features")?,
            incarnation: welcome.incarnation,
            leadership: present(welcome.leadership, "welcome.leadership")?.try_into()?,
            heartbeat: welcome.heartbeat_millis,
            report: welcome.report,
            time: welcome.time_millis,
        })
    }
}

impl TryFrom<v1::Close> for Close {
    type Error = Error;

    fn try_from(close: v1::Close) -> Result<Self, Error> {
        Ok(Self {
            reason: CloseReason::parse(&text(close.reason, limit::REASON, "close.reason")?),
            message: text(close.message, limit::MESSAGE, "close.message")?,
            retry_after: close.retry_after_millis,
            redirect: optional(close.redirect, limit::REDIRECT, "close.redirect")?,
        })
    }
}

impl TryFrom<v1::ToAgent> for ToAgent {
    type Error = Error;

    fn try_from(message: v1::ToAgent) -> Result<Self, Error> {
        use v1::to_agent::Message;
        Ok(match message.message.ok_or(Error::UnknownMessage)? {
            Message::Welcome(welcome) => Self::Welcome(welcome.try_into()?),
            Message::Close(close) => Self::Close(close.try_into()?),
            Message::List(list) => Self::List {
                request: list.request,
                statuses: list.statuses,
            },
            Message::Order(order) => Self::Order(Box::new(order.try_into()?)),
            Message::SnapshotComplete(complete) => Self::SnapshotComplete {
                root: digest(&complete.root, "complete.root")?,
            },
            Message::Beat(v1::Beat {}) => Self::Beat,
        })
    }
}
