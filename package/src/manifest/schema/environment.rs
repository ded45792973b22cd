//! The environment of a test case, as the schema of a manifest has it.

use serde_json::json;

use super::assembly::{Row, row};
use super::forms::{any_text, texts};

/// `test.template[].context.environment` and what is below it.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![row(
        "test.template[].context.environment",
        "What is known of the cluster.",
        json!({}),
    )];
    rows.extend(platform());
    rows.extend(proxy());
    rows.extend(hyper_shift());
    rows
}

fn platform() -> Vec<Row> {
    vec![
        row(
            "test.template[].context.environment.kubernetes",
            "Kubernetes; it is always there.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.kubernetes.version",
            "Its version, as v1.33.1.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.openShift",
            "OpenShift; only where the cluster is that.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.openShift.version",
            "Its version, as 4.17.3.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.openShift.managed",
            "Only where it is managed.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.openShift.managed.data",
            "What is said of a managed cluster.",
            texts(),
        ),
    ]
}

fn proxy() -> Vec<Row> {
    vec![
        row(
            "test.template[].context.environment.proxy",
            "The proxy of the cluster; only where there is one.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.proxy.httpProxy",
            "HTTP_PROXY.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.proxy.httpsProxy",
            "HTTPS_PROXY.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.proxy.noProxy",
            "NO_PROXY.",
            any_text(),
        ),
    ]
}

fn hyper_shift() -> Vec<Row> {
    vec![
        row(
            "test.template[].context.environment.hyperShift",
            "HyperShift; only where the cluster has it.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster",
            "The hosted cluster whose control plane the package's namespace is; null in any other one.",
            json!({"type": ["object", "null"]}),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.metadata",
            "Metadata of the HostedCluster.",
            json!({}),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.metadata.name",
            "Its name.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.metadata.namespace",
            "Its namespace.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.metadata.labels",
            "Its labels.",
            texts(),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.metadata.annotations",
            "Its annotations.",
            texts(),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.hostedClusterNamespace",
            "The namespace of its control plane.",
            any_text(),
        ),
        row(
            "test.template[].context.environment.hyperShift.hostedCluster.nodeSelector",
            "The nodes that it may use.",
            texts(),
        ),
    ]
}
